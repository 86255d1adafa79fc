import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { requirePostgres, waitFor } from '@fieldline/shared/testing';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../../src/store/connection.ts';
import { maintain } from '../../../src/store/maintenance/maintenance.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { configFor, queryOf } from '../../processor/line.ts';

const configOf = (url: string) => configFor(url, '/nowhere').database;

describe('the schema on plain PostgreSQL', () => {
  test('has partitions ahead, gives stray rows one of their own, and drops what retention has overtaken', async () => {
    const server = await requirePostgres();
    const database = await server.createDatabase();
    const retainMs = 12 * 24 * 3_600_000;
    const config = { ...configOf(database.url), retainRawMs: retainMs, retainMinutesMs: retainMs };
    expect((await migrate(config, silentLog)).edition).toBe('plain');
    const query = queryOf(database.url);
    const store = openStore(config, 'test');
    const round = (now = systemClock.now()) =>
      maintain({ store, config, edition: 'plain', clock: { ...systemClock, now: () => now } });
    const counts = () =>
      query(`SELECT (SELECT count(*)::int FROM ONLY sample_default) AS stray, (SELECT count(*)::int FROM sample) AS rows,
        (SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'sample'::regclass) AS partitions`);
    await query(
      `INSERT INTO sample (time, value, batch, series_id, quality) SELECT now() - n * INTERVAL '1 day', n, 1, 1, 0 FROM generate_series(0, 4) n`,
    );
    expect(await counts()).toEqual([{ stray: 4, rows: 5, partitions: 1 + 9 }]);
    await round();
    expect(await counts()).toEqual([{ stray: 0, rows: 5, partitions: 1 + 9 + 4 }]);
    await round();
    expect(await counts()).toEqual([{ stray: 0, rows: 5, partitions: 14 }]);
    await round(systemClock.now() + (config.retainRawMs - 2 * 24 * 3_600_000) * 1_000);
    expect(await counts()).toEqual([{ stray: 0, rows: 3, partitions: 14 - 2 + 10 }]);
    await store.close();
    await database.drop();
  });

  const later = (days: number) => ({ ...systemClock, now: () => systemClock.now() + days * 24 * 3_600_000_000 });
  const insertAt = (time: string): string =>
    `INSERT INTO sample (time, value, batch, series_id, quality) SELECT ${time}, 1, 1, 1, 0`;

  test.each([
    {
      what: 'makes a partition only while no one writes: a row on its way would be refused by the old one and the new',
      before: 'SELECT 1',
      statement: `${insertAt(`now() + INTERVAL '10 days'`)} FROM (SELECT pg_advisory_lock(7)) AS held`,
      expected: [],
    },
    {
      what: 'moves rows only while no one reads: who does not know of their new partition would miss them',
      before: insertAt(`now() + INTERVAL '10 days'`),
      statement: 'SELECT value FROM (SELECT pg_advisory_lock(7)) AS held, sample',
      expected: [{ value: 1 }],
    },
  ])('$what', async ({ before, statement, expected }) => {
    const server = await requirePostgres();
    const database = await server.createDatabase();
    const { database: config } = configFor(database.url, '/nowhere');
    await migrate(config, silentLog);
    const query = queryOf(database.url);
    const store = openStore(config, 'test');
    await query(before);
    const round = () => maintain({ store, config, edition: 'plain', clock: later(10) });
    const rows = await store.withSession(async (session) => {
      const untilWaiting = (lock: string) =>
        waitFor(() => query(`SELECT FROM pg_locks WHERE NOT granted AND ${lock}`).then((rows) => rows.length > 0), {
          what: lock,
        });
      await session.query('SELECT pg_advisory_lock(7)');
      const underWay = query(statement);
      await untilWaiting(`locktype = 'advisory' AND objid = 7`);
      // A round that finds a row in the way of its new partition, or waits too long, leaves it to the next.
      const maintained = round().then(round, round);
      await untilWaiting(`relation = 'sample'::regclass`);
      await session.query('SELECT pg_advisory_unlock(7)');
      const answer = await underWay;
      await maintained;
      return answer;
    });
    expect(rows).toEqual(expected);
    const counted = await query(
      'SELECT (SELECT count(*)::int FROM sample) AS rows, (SELECT count(*)::int FROM sample_default) AS stray',
    );
    expect(counted).toEqual([{ rows: 1, stray: 0 }]);
    await store.close();
    await database.drop();
  });
});
