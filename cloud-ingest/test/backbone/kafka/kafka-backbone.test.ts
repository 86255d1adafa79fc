import { silentLog } from '@fieldline/shared/runtime';
import { kafka, waitFor } from '@fieldline/shared/testing';
import { Kafka, logLevel } from 'kafkajs';
import { openKafkaBackbone } from '../../../src/backbone/kafka/kafka-backbone.ts';
import { backboneConformance } from '../conformance.ts';

const partitions = 3;

backboneConformance('Kafka', {
  requirement: kafka,
  partitions,
  maxRecordBytes: 1_000_000,
  open: async () =>
    openKafkaBackbone(
      {
        kind: 'kafka',
        brokers: await kafka.brokers(),
        partitions,
        replication: 1,
        minInSync: 1,
        retentionMs: 3_600_000,
        maxRecordBytes: 1_000_000,
      },
      silentLog,
    ),
  forgetOldest: async (_, topic) => {
    const admin = new Kafka({ brokers: await kafka.brokers(), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    // The leaders of a topic just made are not known everywhere at once.
    const offsets = await waitFor(() => admin.fetchTopicOffsets(topic));
    await admin.deleteTopicRecords({
      topic,
      partitions: offsets.map(({ partition, high }) => ({ partition, offset: String(Math.floor(Number(high) / 2)) })),
    });
    await admin.disconnect();
  },
  close: async () => {},
});
