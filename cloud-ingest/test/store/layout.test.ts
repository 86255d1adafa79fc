import type { DatabaseConfig } from '@fieldline/shared/config';
import { silentLog } from '@fieldline/shared/runtime';
import { describeWith, requirePostgres, type TestDatabase } from '@fieldline/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore, type Store } from '../../src/store/connection.ts';
import { createExtension, inspectServer } from '../../src/store/edition.ts';
import { migrate } from '../../src/store/migrate.ts';
import { layout } from '../../src/store/migrations/0007-layout.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { rowsOf } from '../../src/store/rows.ts';
import { writeSamples } from '../../src/store/write-samples.ts';
import { configFor, queryOf, servers } from '../processor/line.ts';

/** As a program from before this layout left it. */
async function migrateToBefore(store: Store, config: DatabaseConfig): Promise<void> {
  await store.withSession(async (session) => {
    await session.query('CREATE SCHEMA fieldline');
    await session.query(
      'CREATE TABLE migration (version int4 PRIMARY KEY, name text NOT NULL, edition text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const { edition, lacksExtension } = await inspectServer(session);
    if (lacksExtension) await session.query(createExtension);
    for (const { version, name, statements } of migrations.filter((each) => each.version < layout.version)) {
      for (const statement of statements({ edition, config })) await session.query(statement);
      await session.query('INSERT INTO migration VALUES ($1, $2, $3)', [version, name, edition]);
    }
  });
}

const insert = (from: string, minutes: number): string =>
  `INSERT INTO sample (time, value, batch, series_id, quality)
   SELECT time, extract(epoch FROM time)::int8 % 1000 + series, 1, series, 0
   FROM generate_series(date_trunc('day', now()) ${from}, date_trunc('day', now()) ${from} + ${minutes - 1} * INTERVAL '1 minute', '1 minute') AS time,
     generate_series(1, 50) AS series`;

const contents = `SELECT time::date AS day, count(*)::int AS n, sum(value) AS sum, count(DISTINCT (series_id, time))::int AS times
  FROM sample GROUP BY 1 ORDER BY 1`;
const indexes = `SELECT indexdef FROM pg_indexes WHERE schemaname = 'fieldline' AND indexname = 'sample_series_time'`;

describeWith(servers[1].requirement, 'the layout of a database that is in use on TimescaleDB', () => {
  let database: TestDatabase;
  let store: Store;
  let config: DatabaseConfig;
  let query: ReturnType<typeof queryOf>;
  beforeEach(async () => {
    database = await (await servers[1].open()).createDatabase();
    config = configFor(database.url, '/nowhere').database;
    store = openStore(config, 'test');
    query = queryOf(database.url);
    await migrateToBefore(store, config);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  /** The policy of the columnstore, a round at each call: its own scheduler would start it at once, amid the test. */
  async function mergeByHand(): Promise<() => Promise<unknown>> {
    const [job] = await query<{ job_id: number }>(
      `SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'`,
    );
    await query(`SELECT alter_job(${job?.job_id}, scheduled => false)`);
    return () => query(`CALL run_job(${job?.job_id})`);
  }

  test('changes with all rows in their places: compressed, partly so, and not yet', async () => {
    await query(insert(`- INTERVAL '9 days'`, 100));
    await query(insert(`- INTERVAL '8 days'`, 100));
    await query(`SELECT compress_chunk(chunk) FROM show_chunks('sample') AS chunk`);
    await query(insert(`- INTERVAL '8 days' + INTERVAL '30 seconds'`, 10));
    await query(insert(`- INTERVAL '7 days'`, 100));
    await query(insert(``, 100));
    const before = await query(contents);
    expect(before.map(({ n }) => n)).toEqual([5_000, 5_500, 5_000, 5_000]);
    expect((await migrate(config, silentLog)).applied).toContain('layout');
    const merge = await mergeByHand();
    expect(await query(contents)).toEqual(before);
    expect(await query(indexes)).toEqual([{ indexdef: expect.stringContaining('btree (series_id, "time")') }]);

    // Straight to the columnstore, into each of the chunks.
    const day = 24 * 3_600_000_000;
    const today = Math.floor(Date.now() / 86_400_000) * day;
    const rows = (from: number) => {
      const numbers = Array.from({ length: 6_000 }, (_, n) => n);
      return rowsOf([
        {
          streamNo: 2,
          seq: 1,
          time: numbers.map((n) => from + 43_200_000_000 + n),
          value: numbers,
          quality: numbers.map(() => 0),
          tagIndex: numbers.map((n) => n % 50),
          seriesIds: Array.from({ length: 50 }, (_, n) => n + 1),
        },
      ]);
    };
    for (const days of [9, 8, 7, 0]) {
      const { taken } = await store.inTransaction((session) => writeSamples(session, rows(today - days * day)));
      expect(taken).toEqual([{ path: 'columnstore', late: days > 2, rows: 6_000 }]);
    }
    const after = await query(contents);
    const sum = (6_000 * 5_999) / 2;
    expect(after).toEqual(
      before.map((row) => ({ ...row, n: row.n + 6_000, times: row.times + 6_000, sum: row.sum + sum })),
    );

    for (let round = 0; round < 2; round++) await merge();
    const chunks = await query(
      `SELECT status, orderby FROM _timescaledb_catalog.chunk AS c
       JOIN timescaledb_information.chunk_columnstore_settings AS s ON s.chunk::regclass = format('%I.%I', c.schema_name, c.table_name)::regclass
       ORDER BY c.id`,
    );
    // Today's is not old enough: it has both stores, and is out of order.
    expect(chunks).toEqual([1, 1, 1, 11].map((status) => ({ status, orderby: 'series_id,"time"' })));
    expect(await query(contents)).toEqual(after);
  });

  test('is merged into large batches, whose columns are compressed and stay in their page, with every value as it was', async () => {
    await migrate(config, silentLog);
    const merge = await mergeByHand();
    const rows = `SELECT time, series::float8 / 10 AS value, 1::int8 AS batch, series, 0::int2 AS quality, NULL AS text
      FROM generate_series(date_trunc('day', now()) - INTERVAL '9 days', date_trunc('day', now()) - INTERVAL '9 days' + INTERVAL '2999 s', '1 s') AS time,
        generate_series(1, 20) AS series`;
    await query(`INSERT INTO sample ${rows} LIMIT 30000`);
    await query(`SELECT compress_chunk(chunk) FROM show_chunks('sample') AS chunk`);
    await query(`INSERT INTO sample ${rows} OFFSET 30000`);
    for (let round = 0; round < 2; round++) await merge();
    expect(await query(`(${rows}) EXCEPT ALL SELECT * FROM sample`)).toEqual([]);
    expect(await query('SELECT count(*)::int AS n FROM sample')).toEqual([{ n: 60_000 }]);
    const [compressed] = await query<{ name: string }>(
      `SELECT format('%I.%I', schema_name, table_name) AS name FROM _timescaledb_catalog.chunk
       WHERE id = (SELECT compressed_chunk_id FROM _timescaledb_catalog.chunk WHERE compressed_chunk_id IS NOT NULL)`,
    );
    expect(await query(`SELECT max(_ts_meta_count)::int AS rows FROM ${compressed?.name}`)).toEqual([{ rows: 10_000 }]);
    expect(
      await query(`SELECT attname, attstorage FROM pg_attribute WHERE attrelid = '${compressed?.name}'::regclass
        AND atttypid = '_timescaledb_internal.compressed_data'::regtype AND attname IN ('time', 'value', 'quality', 'batch') ORDER BY 1`),
    ).toEqual(['batch', 'quality', 'time', 'value'].map((attname) => ({ attname, attstorage: 'm' })));
  });

  test('stays larger and slower, and no less right, for a role that may not change the type of the columnstore', async () => {
    const { pathname } = new URL(database.url);
    const role = `clerk_${pathname.slice(1)}`;
    await query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    await query(`GRANT CREATE, CONNECT ON DATABASE ${pathname.slice(1)} TO ${role}`);
    const url = new URL(database.url);
    url.username = role;
    url.password = 'x';
    await query('DROP SCHEMA fieldline CASCADE');
    await migrate({ ...config, url: url.href }, silentLog);
    expect(await query(`SELECT typstorage FROM pg_type WHERE typname = 'compressed_data'`)).toEqual([
      { typstorage: 'e' },
    ]);
    expect(await query(`SELECT setconfig FROM pg_db_role_setting WHERE setrole = '${role}'::regrole`)).toEqual([
      { setconfig: ['timescaledb.compression_batch_size_limit=10000'] },
    ]);
    await query(`DROP OWNED BY ${role}`);
    await query(`DROP ROLE ${role}`);
  });

  test('stays as it is under a version that cannot be trusted with the columnstore', async () => {
    const statements = layout.statements({ edition: 'timescale', config });
    await store.withSession(async (session) => {
      // In the place of the catalogue's, for this session.
      await session.query(`CREATE TABLE pg_extension AS SELECT 'timescaledb' AS extname, '2.9.3' AS extversion`);
      await session.query('SET search_path = fieldline, public, pg_catalog');
      for (const statement of statements) await session.query(statement);
    });
    expect(await query('SELECT * FROM write_path')).toEqual([]);
    expect(await query(indexes)).toEqual([{ indexdef: expect.stringContaining('brin') }]);
    const [columnstore] = await query(
      `SELECT segmentby FROM timescaledb_information.hypertable_columnstore_settings WHERE hypertable = 'sample'::regclass`,
    );
    expect(columnstore).toEqual({ segmentby: 'series_id' });
  });

  test('follows the settings: what counts as late is what the columnstore merges', async () => {
    const after = () => query('SELECT columnstore_after FROM write_path');
    await migrate(config, silentLog);
    expect(await after()).toMatchObject([{ columnstore_after: { hours: 48 } }]);
    await migrate({ ...config, columnstoreAfterMs: 6 * 3_600_000 }, silentLog);
    expect(await after()).toMatchObject([{ columnstore_after: { hours: 6 } }]);
  });
});

describe('the layout on plain PostgreSQL', () => {
  test('is the one it was made with', async () => {
    const database = await (await requirePostgres()).createDatabase();
    const query = queryOf(database.url);
    await migrate(configFor(database.url, '/nowhere').database, silentLog);
    expect(await query('SELECT * FROM write_path')).toEqual([]);
    expect(await query(indexes)).toEqual([{ indexdef: expect.stringContaining('brin') }]);
    await database.drop();
  });
});
