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
      expect(first.applied).toEqual(['tables', 'roll-ups']);
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
      expect(results.flatMap(({ applied }) => applied)).toEqual(['tables', 'roll-ups']);
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
    expect(columnstore).toEqual([{ segmentby: 'series_id', orderby: expect.stringContaining('DESC') }]);
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
    expect(await counts()).toEqual([{ stray: 5, rows: 5, partitions: 1 }]);
    await round();
    expect(await counts()).toEqual([{ stray: 0, rows: 5, partitions: 1 + 4 + 4 }]);
    await round();
    expect(await counts()).toEqual([{ stray: 0, rows: 5, partitions: 9 }]);
    await round(systemClock.now() + (config.retainRawMs - 2 * 24 * 3_600_000) * 1_000);
    expect(await counts()).toEqual([{ stray: 0, rows: 3, partitions: 9 - 2 + 4 }]);
    await store.close();
    await database.drop();
  });

  test('makes a partition only when no one is writing, so that no row is refused by the old one and the new', async () => {
    const server = await requirePostgres();
    const database = await server.createDatabase();
    const { database: config } = configFor(database.url, '/nowhere');
    await migrate(config, silentLog);
    const query = queryOf(database.url);
    const holder = openStore(config, 'holder');
    const store = openStore(config, 'test');
    // A statement that has begun to write, and has not come to its row yet.
    const writing = await holder.withSession(async (session) => {
      await session.query('SELECT pg_advisory_lock(7)');
      const written = query(
        `INSERT INTO sample (time, value, batch, series_id, quality)
         SELECT now(), 1, 1, 1, 0 FROM (SELECT pg_advisory_lock(7)) AS held`,
      );
      const waiting = (what: string) => () =>
        query(`SELECT FROM pg_locks WHERE NOT granted AND ${what}`).then((rows) => rows.length > 0);
      await waitFor(waiting(`locktype = 'advisory' AND objid = 7`), { what: 'the writer to be under way' });
      const maintained = maintain({ store, config, edition: 'plain', clock: systemClock });
      await waitFor(waiting(`locktype = 'relation' AND relation = 'sample'::regclass`), {
        what: 'maintenance to wait',
      });
      await session.query('SELECT pg_advisory_unlock(7)');
      return Promise.all([written, maintained]);
    });
    expect(writing).toHaveLength(2);
    expect(await query('SELECT count(*)::int AS n FROM sample')).toEqual([{ n: 1 }]);
    await holder.close();
    await store.close();
    await database.drop();
  });
});
