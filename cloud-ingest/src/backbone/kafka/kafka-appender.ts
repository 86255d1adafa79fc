/**
 * Writes to Kafka: acks = all. A partition is in one send at a time with everything that waited for it, so that throughput comes
 * from the size of a send and the order of a key from there being one. After an error of unknown outcome the producer is made
 * anew; a send that is tried again may double records, which the ledger drops by their identity.
 */
import { pause } from '@fieldline/shared/runtime';
import type { Kafka, Producer } from 'kafkajs';
import type { NewRecord } from '../backbone.ts';
import { createGroupCommit, type PartitionEntries } from '../group-commit.ts';
import { partitionOf } from '../partition-of.ts';
import { checkRecordSize } from '../record-size.ts';
import type { KafkaAdmin } from './kafka-admin.ts';
import type { KafkaConfig } from './kafka-client.ts';
import { kafkaError } from './kafka-error.ts';
import { createPartitionCounts } from './partition-counts.ts';
import { recordBatchOf } from './record-batch.ts';
import { type PartitionBatch, sendEncoded, type TopicBatches, takeBatches } from './send-encoded.ts';

const acksOfAllInSync = -1;
/** Kafka takes one while the next is encoded; small ones, since it makes room in its memory for each as a whole. */
const maxSends = 4;
const maxSendBytes = 1024 ** 2;
/** KafkaJS makes one record batch per partition of a send, and topics bound a batch: by default at 1 MiB. */
const maxPartitionBytes = 900_000;

/** A broker that does not answer does not hold up a stop for longer; nobody was told that those records are safe. */
const closeTimeoutMs = 5_000;

export type KafkaAppender = {
  readonly append: (topic: string, records: readonly NewRecord[]) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** A producer, and how many sends of it are under way: a retired one takes no more, and ends with its last. */
type Sender = { readonly opened: Promise<Producer>; sends: number; isRetired: boolean };

export function createKafkaAppender(kafka: Kafka, admin: KafkaAdmin, config: KafkaConfig): KafkaAppender {
  takeBatches();
  let current: Sender | null = null;
  const partitionCounts = createPartitionCounts(admin, () => {
    // A producer does not see added partitions for long, and leaves out what is meant for them without a word.
    if (current !== null) retire(current);
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

  function retire(sender: Sender): void {
    sender.isRetired = true;
    if (current === sender) current = null;
    if (sender.sends === 0) void end(sender);
  }

  async function write(parts: readonly PartitionEntries[]): Promise<void> {
    current ??= { opened: open(), sends: 0, isRetired: false };
    const sender = current;
    sender.sends += 1;
    try {
      const acknowledged = await sendEncoded(await sender.opened, acksOfAllInSync, byTopic(parts));
      if (acknowledged.length !== parts.length)
        throw new Error(`${acknowledged.length} of ${parts.length} partitions acknowledged`);
    } catch (error) {
      retire(sender);
      throw kafkaError(error, config.brokers, 'appending records');
    } finally {
      sender.sends -= 1;
      if (sender.isRetired && sender.sends === 0) await end(sender);
    }
  }

  const commits = createGroupCommit({ write, maxWrites: maxSends, maxWriteBytes: maxSendBytes, maxPartitionBytes });
  return {
    append: async (topic, records) => {
      const sized = records.map((record) => ({ record, bytes: checkRecordSize(record, config.maxRecordBytes) }));
      const partitions = await partitionCounts.of(topic);
      const partitionOfKey = memoise((key) => partitionOf(key, partitions));
      await commits.append(
        sized.map(({ record, bytes }) => ({ topic, partition: partitionOfKey(record.key), record, bytes })),
      );
    },
    close: async () => {
      const late = new AbortController();
      await Promise.race([commits.idle(), pause(closeTimeoutMs, late.signal)]);
      late.abort();
      if (current !== null) await end(current);
    },
  };
}

async function end({ opened }: Sender): Promise<void> {
  const producer = await opened.catch(() => null);
  await producer?.disconnect().catch(() => {});
}

/** One record batch per partition, encoded by ourselves: see record-batch.ts. */
function byTopic(parts: readonly PartitionEntries[]): TopicBatches[] {
  const timestampMs = Date.now();
  const encoded = ({ partition, entries }: PartitionEntries): PartitionBatch => {
    const records = entries.map(({ record }) => record);
    return { partition, batch: recordBatchOf(records, timestampMs) };
  };
  return [...Map.groupBy(parts, ({ topic }) => topic)].map(([topic, some]) => ({ topic, batches: some.map(encoded) }));
}

function memoise(compute: (key: string) => number): (key: string) => number {
  const known = new Map<string, number>();
  return (key) => {
    const value = known.get(key) ?? compute(key);
    known.set(key, value);
    return value;
  };
}
