import { FieldlineError } from '@fieldline/shared/contracts';
import type { Log } from '@fieldline/shared/runtime';
// Node finds not all names that KafkaJS exports: this one is reached through the whole.
import kafkajs, { type Admin } from 'kafkajs';
import type { Backbone, BackboneConsumer } from '../backbone.ts';
import { createKafkaAdmin } from './kafka-admin.ts';
import { createKafkaAppender } from './kafka-appender.ts';
import { createKafka, type KafkaConfig } from './kafka-client.ts';
import { createKafkaConsumer, type KafkaTimes, kafkaTimes } from './kafka-consumer.ts';
import { topicSettings, topicTroubles, unfit } from './kafka-topic.ts';

/** Connects at the first use. @throws FieldlineError settings/unreadable */
export function openKafkaBackbone(config: KafkaConfig, log: Log, times: KafkaTimes = kafkaTimes): Backbone {
  const { brokers } = config;
  const { kafka } = createKafka(config, log);
  const admin = createKafkaAdmin(kafka, brokers);
  const appender = createKafkaAppender(kafka, admin, config);
  const consumers = new Set<BackboneConsumer>();
  let closing: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await appender.close();
    await admin.close();
  }

  return {
    kind: 'kafka',
    identity: async () => {
      const { clusterId } = await admin.ask('asking for the cluster', (connection) => connection.describeCluster());
      return clusterId;
    },
    ensureTopic: (topic) => admin.ask(`making topic ${topic}`, (connection) => ensure(connection, topic, config)),
    append: appender.append,
    consume: async (options) => {
      // A client of its own: its connections can be cut without harm to those that append.
      const consumer = await createKafkaConsumer(createKafka(config, log), admin, brokers, options, log, times);
      consumers.add(consumer);
      return {
        ...consumer,
        close: async () => {
          consumers.delete(consumer);
          await consumer.close();
        },
      };
    },
    bounds: admin.bounds,
    close: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}

async function ensure(admin: Admin, topic: string, config: KafkaConfig): Promise<void> {
  const topics = await admin.listTopics();
  if (!topics.includes(topic)) {
    const configEntries = Object.entries(topicSettings(config)).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: config.partitions, replicationFactor: config.replication, configEntries }],
    });
  }
  // Also of a topic that another program made between the two questions.
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
  });
  const actual = Object.fromEntries(
    (resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]),
  );
  const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
  const partitions = metadata.topics[0]?.partitions ?? [];
  if (partitions.length === 0) throw new FieldlineError('backbone/unreachable', `topic ${topic} has no partitions yet`);
  const troubles = topicTroubles(config, actual, Math.min(...partitions.map(({ replicas }) => replicas.length)));
  if (troubles.length > 0) throw unfit(topic, troubles);
}
