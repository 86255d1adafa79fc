import type { Log } from '@fieldline/shared/runtime';
import type { Backbone, BackboneConsumer } from '../backbone.ts';
import { ensureTopic } from './ensure-topic.ts';
import { createKafkaAdmin } from './kafka-admin.ts';
import { createKafkaAppender } from './kafka-appender.ts';
import { createKafka, type KafkaClient, type KafkaConfig } from './kafka-client.ts';
import { createKafkaConsumer, type KafkaTimes, kafkaTimes } from './kafka-consumer.ts';

/** Connects at the first use. @throws FieldlineError settings/unreadable */
export function openKafkaBackbone(config: KafkaConfig, log: Log, times: KafkaTimes = kafkaTimes): Backbone {
  const { brokers } = config;
  // Clients of their own: the connections of one can be cut without harm to the others.
  const client = (): KafkaClient => createKafka(config, log);
  const [asking, appending] = [client(), client()];
  const admin = createKafkaAdmin(asking, brokers);
  const appender = createKafkaAppender(appending.kafka, admin, config);
  const consumers = new Set<BackboneConsumer>();
  let closing: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await appender.close();
    appending.end();
    await admin.close();
    asking.end();
  }

  return {
    kind: 'kafka',
    identity: async () => {
      const { clusterId } = await admin.ask('asking for the cluster', (connection) => connection.describeCluster());
      return clusterId;
    },
    ensureTopic: (topic) => admin.ask(`making topic ${topic}`, (connection) => ensureTopic(connection, topic, config)),
    append: appender.append,
    consume: async (options) => {
      const consumer = await createKafkaConsumer(client(), admin, brokers, options, log, times);
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
