/**
 * Writes to Kafka: acks = all, one send under way with everything that waits behind it, so that throughput comes from the
 * size of a send and the order of a key from there being one. After an error of unknown outcome the producer is made anew;
 * a send that is tried again may double records, which the ledger drops by their identity.
 */
import { pause } from '@fieldline/shared/runtime';
import type { Kafka, Producer } from 'kafkajs';
import type { NewRecord } from '../backbone.ts';
import { createGroupCommit, type Entry } from '../group-commit.ts';
import { partitionOf } from '../partition-of.ts';
import { checkRecordSize } from '../record-size.ts';
import type { KafkaAdmin } from './kafka-admin.ts';
import type { KafkaConfig } from './kafka-client.ts';
import { kafkaError } from './kafka-error.ts';
import { createPartitionCounts } from './partition-counts.ts';
import { recordBatchOf } from './record-batch.ts';
import { sendEncoded, type TopicBatches, takeBatches } from './send-encoded.ts';

const acksOfAllInSync = -1;
const maxSendBytes = 8 * 1024 ** 2;
/** KafkaJS makes one record batch per partition of a send, and topics bound a batch: by default at 1 MiB. */
const maxPartitionBytes = 900_000;

/** A broker that does not answer does not hold up a stop for longer; nobody was told that those records are safe. */
const closeTimeoutMs = 5_000;

export type KafkaAppender = {
  readonly append: (topic: string, records: readonly NewRecord[]) => Promise<void>;
  readonly close: () => Promise<void>;
};

export function createKafkaAppender(kafka: Kafka, admin: KafkaAdmin, config: KafkaConfig): KafkaAppender {
  takeBatches();
  let producing: Promise<Producer> | null = null;
  let outdated = false;
  const partitionCounts = createPartitionCounts(admin, () => {
    outdated = true;
  });

  async function open(): Promise<Producer> {
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    await producer.connect();
    return producer;
  }

  async function drop(): Promise<void> {
    const dropped = producing;
    producing = null;
    const producer = await dropped?.catch(() => null);
    await producer?.disconnect();
  }

  async function write(entries: readonly Entry[]): Promise<void> {
    // A producer does not see added partitions for long, and leaves out what is meant for them without a word.
    if (outdated) await drop();
    outdated = false;
    producing ??= open();
    try {
      const producer = await producing;
      const topics = byTopic(entries);
      const acknowledged = await sendEncoded(producer, acksOfAllInSync, topics);
      const sent = topics.reduce((sum, { batches }) => sum + batches.length, 0);
      if (acknowledged.length !== sent) throw new Error(`${acknowledged.length} of ${sent} partitions acknowledged`);
    } catch (error) {
      await drop();
      throw kafkaError(error, config.brokers, 'appending records');
    }
  }

  const commits = createGroupCommit({ write, maxWriteBytes: maxSendBytes, maxPartitionBytes });
  return {
    append: async (topic, records) => {
      const sized = records.map((record) => ({ record, bytes: checkRecordSize(record, config.maxRecordBytes) }));
      const partitions = await partitionCounts.of(topic);
      await commits.append(
        sized.map(({ record, bytes }) => ({ topic, partition: partitionOf(record.key, partitions), record, bytes })),
      );
    },
    close: async () => {
      const late = new AbortController();
      await Promise.race([commits.idle(), pause(closeTimeoutMs, late.signal)]);
      late.abort();
      await drop();
    },
  };
}

/** One record batch per partition, encoded by ourselves: see record-batch.ts. */
function byTopic(entries: readonly Entry[]): TopicBatches[] {
  const timestampMs = Date.now();
  return [...Map.groupBy(entries, ({ topic }) => topic)].map(([topic, group]) => ({
    topic,
    batches: [...Map.groupBy(group, ({ partition }) => partition)].map(([partition, some]) => {
      const records = some.map(({ record }) => record);
      return { partition, batch: recordBatchOf(records, timestampMs) };
    }),
  }));
}
