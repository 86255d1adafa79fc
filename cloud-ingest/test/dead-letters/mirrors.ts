/** Dead letters in a database, and the topic that they are copied to. */
import { randomUUID } from 'node:crypto';
import { ingestSchema } from '@fieldline/shared/config';
import { silentLog } from '@fieldline/shared/runtime';
import { requirePostgres, type TestDatabase } from '@fieldline/shared/testing';
import type { Backbone, BackboneRecord, NewRecord } from '../../src/backbone/backbone.ts';
import { migrate } from '../../src/store/migrate.ts';

export const maxRecordBytes = 20_000;
export const configOf = (backbone: object, url: string, deadLetterTopic?: string) =>
  ingestSchema.parse({
    mqtt: { broker: 'mqtt://127.0.0.1:1' },
    backbone,
    database: { url },
    processor: deadLetterTopic === undefined ? {} : { deadLetterTopic },
  });

export async function createLetters(): Promise<TestDatabase> {
  const database = await (await requirePostgres()).createDatabase();
  await migrate(configOf({ kind: 'embedded', folder: '/nowhere' }, database.url).database, silentLog);
  return database;
}

const columns =
  '(received_at, gateway, stage, code, reason, topic, partition, record_offset, positions, bytes, headers)';
export const insert = (count: number, bytes = `convert_to('bytes ' || n, 'UTF8')`): string =>
  `INSERT INTO dead_letter ${columns}
   SELECT TIMESTAMPTZ '2026-03-01', 'gw-' || n % 3, 'decode', 'batch/malformed', 'broken ' || n, 'fieldline.raw', 1, 40 + n,
     CASE WHEN n % 2 = 0 THEN '{[1,3),[5,6)}'::int8multirange END, ${bytes}, '{"topic": "fieldline/gw/batch", "qos": "1"}'
   FROM generate_series(1, ${count}) AS n ORDER BY n`;

export const idOf = ({ headers }: NewRecord): number => Number(headers['dead-letter-id']);

export async function consume(backbone: Backbone, topic: string, count: number): Promise<BackboneRecord[]> {
  const consumer = await backbone.consume({
    topic,
    group: `test-${randomUUID()}`,
    queueBytes: 1_000_000,
    positions: async () => [],
    onGap: () => {},
  });
  const taken: BackboneRecord[] = [];
  const late = AbortSignal.timeout(40_000);
  while (taken.length < count && !late.aborted) taken.push(...(await consumer.poll(1_000_000, late)));
  await consumer.close();
  return taken;
}
