/** Makes a topic with the settings that the contract needs, or checks one that is there. */
import { FieldlineError } from '@fieldline/shared/contracts';
// Node finds not all names that KafkaJS exports: this one is reached through the whole.
import kafkajs, { type Admin } from 'kafkajs';
import type { KafkaConfig } from './kafka-client.ts';
import { isKafkaError } from './kafka-error.ts';
import { topicSettings, topicTroubles, unfit } from './kafka-topic.ts';

/** @throws FieldlineError backbone/unfit, and what the admin throws */
export async function ensureTopic(admin: Admin, topic: string, config: KafkaConfig): Promise<void> {
  const topics = await admin.listTopics();
  if (!topics.includes(topic)) await create(admin, topic, config);
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
  const replication = Math.min(...partitions.map(({ replicas }) => replicas.length));
  const troubles = topicTroubles(config, topic, actual, replication);
  if (troubles.length > 0) throw unfit(topic, troubles);
}

async function create(admin: Admin, topic: string, config: KafkaConfig): Promise<void> {
  const configEntries = Object.entries(topicSettings(config)).map(([name, value]) => ({ name, value }));
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: config.partitions, replicationFactor: config.replication, configEntries }],
    });
  } catch (error) {
    if (!isKafkaError(error, 'INVALID_REPLICATION_FACTOR')) throw error;
    const { brokers } = await admin.describeCluster();
    throw new FieldlineError(
      'backbone/unfit',
      `topic ${topic} cannot be made: backbone.replication is ${config.replication}, and ${brokers.length} broker(s) are up. Start the others, or lower backbone.replication and backbone.minInSync`,
      { cause: error },
    );
  }
}
