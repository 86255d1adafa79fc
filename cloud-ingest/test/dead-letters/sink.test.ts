import { silentLog } from '@fieldline/shared/runtime';
import { requirePostgres } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import type { DeadLetter } from '../../src/dead-letters/dead-letter.ts';
import { databaseDeadLetters } from '../../src/dead-letters/sink.ts';
import { openStore } from '../../src/store/connection.ts';
import { migrate } from '../../src/store/migrate.ts';
import { configFor, queryOf } from '../processor/line.ts';

const letter: DeadLetter = {
  receivedAt: 1_790_000_000_000_001,
  gateway: 'gw',
  stage: 'bridge',
  code: 'record/too-large',
  reason: 'it is \u0000 too \ud800 large',
  topic: 'fieldline/gw/batch',
  partition: null,
  offset: null,
  positions: null,
  bytes: Buffer.alloc(3_000_000, 7),
  headers: { topic: 'fieldline/gw/batch', odd: '\u0000' },
};

test('a dead letter of the bridge is kept whole, whatever it contains', async () => {
  const database = await (await requirePostgres()).createDatabase();
  const { database: config } = configFor(database.url, '/nowhere');
  await migrate(config, silentLog);
  const store = openStore(config, 'test');
  await databaseDeadLetters(store)(letter);
  await store.close();
  const rows = await queryOf(database.url)(
    `SELECT (extract(epoch FROM received_at) * 1000000)::int8::text AS at, gateway, stage, code, reason, topic, partition, record_offset, positions, bytes, headers FROM dead_letter`,
  );
  await database.drop();
  expect(rows).toEqual([
    {
      at: '1790000000000001',
      gateway: 'gw',
      stage: 'bridge',
      code: 'record/too-large',
      reason: 'it is \ufffd too \ufffd large',
      topic: 'fieldline/gw/batch',
      partition: null,
      record_offset: null,
      positions: null,
      bytes: letter.bytes,
      headers: { topic: 'fieldline/gw/batch', odd: '\ufffd' },
    },
  ]);
});
