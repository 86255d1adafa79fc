/** A processor between a real Kafka of the test's own and a database, for what only Kafka can do. */

import { type IngestConfig, ingestSchema } from '@fieldline/shared/config';
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog } from '@fieldline/shared/runtime';
import { requirePostgres, waitFor } from '@fieldline/shared/testing';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { openKafkaBackbone } from '../../src/backbone/kafka/kafka-backbone.ts';
import type { Processor } from '../../src/processor/processor.ts';
import { migrate } from '../../src/store/migrate.ts';
import { queryOf, recordOf, type Sent } from './line.ts';
import { startQuietProcessor } from './quiet-processor.ts';

/** The broker of the test allows a short session, so that a kill is noticed while somebody looks. */
export const times = { sessionMs: 3_000, stallMs: 15_000 };
export const kafkaConf = ['group.min.session.timeout.ms=1000'];

export function kafkaConfig(
  url: string,
  broker: string,
  { partitions = 3, instance }: { partitions?: number; instance?: string } = {},
): IngestConfig {
  return ingestSchema.parse({
    mqtt: { broker: 'mqtt://127.0.0.1:1' },
    backbone: { kind: 'kafka', brokers: [broker], partitions },
    database: { url },
    processor: instance === undefined ? {} : { instance },
  });
}

export function openBackbone({ backbone }: IngestConfig, { stallMs } = times): Backbone {
  if (backbone.kind !== 'kafka') throw new Error('these tests use Kafka');
  return openKafkaBackbone(backbone, silentLog, { ...times, stallMs });
}

export type KafkaLine = {
  readonly config: IngestConfig;
  readonly admin: Admin;
  readonly backbone: Backbone;
  readonly start: () => Promise<Processor>;
  readonly send: (...records: readonly Sent[]) => Promise<void>;
  /** Another log under the same name. */
  readonly remakeTopic: () => Promise<void>;
  /** Lets retention take the records before these offsets. */
  readonly forget: (before: readonly { readonly partition: number; readonly offset: number }[]) => Promise<void>;
  readonly query: ReturnType<typeof queryOf>;
  /** Waits until the database stands at the end of every partition. */
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function openKafkaLine(broker: string, partitions = 3): Promise<KafkaLine> {
  const database = await (await requirePostgres()).createDatabase();
  const config = kafkaConfig(database.url, broker, { partitions });
  await migrate(config.database, silentLog);
  const backbone = openBackbone(config);
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await backbone.ensureTopic(backboneTopics.raw);
  const closers: (() => Promise<unknown>)[] = [];
  const query = queryOf(database.url);
  const exists = async (): Promise<boolean> => (await admin.listTopics()).includes(backboneTopics.raw);
  const remove = async (): Promise<void> => {
    await admin.deleteTopics({ topics: [backboneTopics.raw] });
    await waitFor(async () => !(await exists()), { what: 'the topic to be gone' });
  };
  return {
    config,
    admin,
    backbone,
    query,
    start: async () => {
      const own = openBackbone(config);
      closers.push(own.close);
      const processor = await startQuietProcessor(config, own);
      closers.push(processor.close);
      return processor;
    },
    send: (...records) => backbone.append(backboneTopics.raw, records.map(recordOf)),
    remakeTopic: async () => {
      await remove();
      await backbone.ensureTopic(backboneTopics.raw);
    },
    forget: async (before) => {
      const partitions = before.map(({ partition, offset }) => ({ partition, offset: String(offset) }));
      // Again where the leaders of a topic just made are not known everywhere yet. In this question alone the library does not
      // ask for them itself.
      await waitFor(async () => {
        await admin.fetchTopicOffsets(backboneTopics.raw);
        await admin.deleteTopicRecords({ topic: backboneTopics.raw, partitions });
        return true;
      });
    },
    settled: () =>
      waitFor(
        async () => {
          const bounds = await backbone.bounds(backboneTopics.raw);
          const rows = await query<{ partition: number; next: number }>(
            'SELECT partition, next_offset::int AS next FROM source_offset',
          );
          return bounds.every(
            ({ partition, next }) => next === (rows.find((row) => row.partition === partition)?.next ?? 0),
          );
        },
        { timeoutMs: 40_000, what: 'everything in the log to be stored' },
      ).then(() => {}),
    close: async () => {
      for (const close of closers.reverse()) await close();
      await remove();
      await admin.disconnect();
      await backbone.close();
      await database.drop();
    },
  };
}
