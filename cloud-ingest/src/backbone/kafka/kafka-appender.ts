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
  let producing: Promise<Producer> | null = null;
  /** Read once: keys keep their partition when partitions are added, until this program starts again. */
  const partitionCounts = new Map<string, Promise<number>>();

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
    producing ??= open();
    try {
      const producer = await producing;
      await producer.sendBatch({ acks: acksOfAllInSync, topicMessages: byTopic(entries) });
    } catch (error) {
      await drop();
      throw kafkaError(error, config.brokers, 'appending records');
    }
  }

  function partitionsOf(topic: string): Promise<number> {
    const known = partitionCounts.get(topic);
    if (known !== undefined) return known;
    const asked = admin.ask(`reading the partitions of ${topic}`, async (connection) => {
      const { topics } = await connection.fetchTopicMetadata({ topics: [topic] });
      return topics[0]?.partitions.length ?? 0;
    });
    partitionCounts.set(topic, asked);
    asked.catch(() => partitionCounts.delete(topic));
    return asked;
  }

  const commits = createGroupCommit({ write, maxWriteBytes: maxSendBytes, maxPartitionBytes });
  return {
    append: async (topic, records) => {
      const sized = records.map((record) => ({ record, bytes: checkRecordSize(record, config.maxRecordBytes) }));
      const partitions = await partitionsOf(topic);
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

function byTopic(entries: readonly Entry[]) {
  const topics = Map.groupBy(entries, ({ topic }) => topic);
  return [...topics].map(([topic, group]) => ({
    topic,
    messages: group.map(({ partition, record }) => ({
      key: record.key,
      value: record.value,
      headers: { ...record.headers },
      partition,
    })),
  }));
}
