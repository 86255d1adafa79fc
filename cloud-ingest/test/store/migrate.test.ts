import { silentLog, systemClock } from '@fieldline/shared/runtime';
import {
  describeWith,
  requirePostgres,
  type TestDatabase,
  type TestPostgres,
  waitFor,
} from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/connection.ts';
import { readIncarnation } from '../../src/store/incarnation.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { migrate } from '../../src/store/migrate.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { configFor, queryOf, servers } from '../processor/line.ts';

const contents = `
  SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'fieldline'
    AND table_name !~ '_[0-9]+t[0-9]+$|_default$|^rollup_|^touched_|^policy$' ORDER BY 1, 2`;

for (const { name, requirement, open } of servers) {
  describeWith(requirement, `migrations on ${name}`, () => {
    let server: TestPostgres;
    let database: TestDatabase;
    beforeAll(async () => {
      server = await open();
    });
    afterAll(async () => {
      if ('close' in server && typeof server.close === 'function') await server.close();
    });
    beforeEach(async () => {
      database = await server.createDatabase();
    });
    afterEach(() => database.drop());

    test('run once, and change nothing the second time', async () => {
      const { database: config } = configFor(database.url, '/nowhere');
      const first = await migrate(config, silentLog);
      expect(first.applied).toEqual(migrations.map((migration) => migration.name));
      const query = queryOf(database.url);
      const before = await query(contents);
      const [incarnation] = await query('SELECT * FROM incarnation');
      expect(await migrate(config, silentLog)).toEqual({ edition: first.edition, applied: [] });
      expect(await query(contents)).toEqual(before);
      expect(await query('SELECT * FROM incarnation')).toEqual([incarnation]);
    });

    test('wait for each other when two run at a time', async () => {
      const { database: config } = configFor(database.url, '/nowhere');
      const results = await Promise.all([1, 2, 3].map(() => migrate(config, silentLog)));
      expect(results.flatMap(({ applied }) => applied)).toEqual(migrations.map((migration) => migration.name));
    });

    test('say which database it is', async () => {
      const { database: config } = configFor(database.url, '/nowhere');
      await migrate(config, silentLog);
      const store = openStore(config, 'test');
      const first = await store.withSession(readIncarnation);
      const again = await store.withSession(readIncarnation);
      await store.close();
      expect(first).toMatch(/^[0-9a-f-]{36}:\d+:\d+$/);
      expect(again).toBe(first);
    });

    test('say which right is missing', async () => {
      const query = queryOf(database.url);
      const role = `weak_${Date.now()}`;
      await query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
      const url = new URL(database.url);
      if (name === 'TimescaleDB') await query('CREATE EXTENSION timescaledb');
      await query(`REVOKE CREATE ON DATABASE ${url.pathname.slice(1)} FROM PUBLIC`);
      url.username = role;
      url.password = 'x';
      const { database: config } = configFor(url.href, '/nowhere');
      await expect(migrate(config, silentLog)).rejects.toMatchObject({
        code: 'database/refused',
        message: expect.stringContaining(`GRANT CREATE, CONNECT ON DATABASE ${url.pathname.slice(1)} TO ${role};`),
      });
      await query(`DROP ROLE ${role}`);
    });
  });
}

describeWith(servers[1].requirement, 'the schema on TimescaleDB', () => {
  test('has hypertables, the columnstore, aggregates upon aggregates, and their jobs', async () => {
    const server = await servers[1].open();
    const database = await server.createDatabase();
    const { database: config } = configFor(database.url, '/nowhere');
    expect((await migrate(config, silentLog)).edition).toBe('timescale');
    const query = queryOf(database.url);
    const hypertables = await query(
      `SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_schema = 'fieldline' ORDER BY 1`,
    );
    expect(hypertables).toEqual([
      { hypertable_name: 'batch_log', compression_enabled: false },
      { hypertable_name: 'sample', compression_enabled: true },
    ]);
    const columnstore = await query(
      `SELECT segmentby, orderby FROM timescaledb_information.hypertable_columnstore_settings WHERE hypertable = 'sample'::regclass`,
    );
    expect(columnstore).toEqual([{ segmentby: '', orderby: 'series_id,"time"' }]);
    const aggregates = await query(
      `SELECT view_name, materialized_only FROM timescaledb_information.continuous_aggregates ORDER BY 1`,
    );
    expect(aggregates).toEqual(
      ['sample_1d', 'sample_1h', 'sample_1m'].map((view_name) => ({ view_name, materialized_only: false })),
    );
    const jobs = () =>
      query<{ job_id: number; proc_name: string }>(
        `SELECT job_id, proc_name FROM timescaledb_information.jobs WHERE proc_name ~ '^policy_(compression|retention|refresh)' ORDER BY 1`,
      );
    const before = await jobs();
    expect(before.map(({ proc_name }) => proc_name).sort()).toEqual([
      'policy_compression',
      ...Array(3).fill('policy_refresh_continuous_aggregate'),
      ...Array(3).fill('policy_retention'),
    ]);
    await migrate(config, silentLog);
    expect(await jobs()).toEqual(before);
    await migrate({ ...config, retainRawMs: config.retainRawMs / 2 }, silentLog);
    const retention = await query(
      `SELECT config ->> 'drop_after' AS after FROM timescaledb_information.jobs WHERE hypertable_name = 'sample' AND proc_name = 'policy_retention'`,
    );
    expect(retention).toEqual([{ after: '1080:00:00' }]);
    if ('close' in server && typeof server.close === 'function') await server.close();
  });
});

describe('the schema on plain PostgreSQL', () => {
  test('has partitions ahead, gives stray rows one of their own, and drops what retention has overtaken', async () => {
    const server = await requirePostgres();
    const database = await server.createDatabase();
    const { database: config } = configFor(database.url, '/nowhere');
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
    expect(await counts()).toEqual([{ stray: 0, rows: 3, partitions: 9 - 2 + 4 }]);
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
      statement: `${insertAt(`now() + INTERVAL '20 days'`)} FROM (SELECT pg_advisory_lock(7)) AS held`,
      expected: [],
    },
    {
      what: 'moves rows only while no one reads: who does not know of their new partition would miss them',
      before: insertAt(`now() + INTERVAL '20 days'`),
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
    const round = () => maintain({ store, config, edition: 'plain', clock: later(20) });
    const rows = await store.withSession(async (session) => {
      const untilWaiting = (lock: string) =>
        waitFor(() => query(`SELECT FROM pg_locks WHERE NOT granted AND ${lock}`).then((rows) => rows.length > 0), {
          what: lock,
        });
      await session.query('SELECT pg_advisory_lock(7)');
      const underWay = query(statement);
      await untilWaiting(`locktype = 'advisory' AND objid = 7`);
      // A round that finds a row in the way of its new partition leaves it to the next, which moves the row.
      const maintained = round().catch(round);
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
