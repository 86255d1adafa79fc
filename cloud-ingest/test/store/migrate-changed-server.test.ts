import type { DatabaseConfig } from '@fieldline/shared/config';
import { type Log, silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, requireServer, type TestDatabase, timescale } from '@fieldline/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { openStore } from '../../src/store/connection.ts';
import type { Edition } from '../../src/store/edition.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { editionOfSchema, migrate } from '../../src/store/migrate.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { configFor, queryOf } from '../processor/line.ts';

const names = migrations.map(({ name }) => name);
const configOf = (url: string): DatabaseConfig => configFor(url, '/nowhere').database;

describeWith(timescale, 'a schema on a server that has changed', () => {
  let database: TestDatabase;
  let query: ReturnType<typeof queryOf>;
  const made = async (kind: 'timescale' | 'timescale-apache', of: Edition): Promise<DatabaseConfig> => {
    database = await (await requireServer(kind)).createDatabase();
    query = queryOf(database.url);
    // As a migration has left it that ran before the server changed.
    await query(`CREATE EXTENSION timescaledb; CREATE SCHEMA fieldline;
      CREATE TABLE fieldline.migration (version int4 PRIMARY KEY, name text, edition text, applied_at timestamptz DEFAULT now());
      INSERT INTO fieldline.migration VALUES (0, 'made', '${of}')`);
    return configOf(database.url);
  };
  afterEach(() => database.drop());

  const noting = (): { log: Log; notes: string[] } => {
    const notes: string[] = [];
    return { notes, log: Object.assign(Object.create(silentLog), { warn: (note: string) => notes.push(note) }) };
  };

  test.each(['plain', 'timescale-apache'] as const)(
    'stays as it was made when the server learns more: %s',
    async (of) => {
      const config = await made('timescale', of);
      const { log, notes } = noting();
      expect(await migrate(config, log)).toEqual({ edition: of, applied: names });
      expect(notes).toEqual([expect.stringContaining('the tables stay as they were made')]);
      const store = openStore(config, 'test');
      expect(await store.withSession((session) => editionOfSchema(session, 'fieldline'))).toBe(of);
      await query(
        `INSERT INTO sample (time, value, batch, series_id, quality) SELECT now() - INTERVAL '1 day', 1, 1, 1, 0`,
      );
      await query(`INSERT INTO touched_1m SELECT date_trunc('minute', time) FROM sample`);
      await maintain({ store, config, edition: of, clock: systemClock });
      expect(await query('SELECT count(*)::int AS n FROM rollup_1h')).toEqual([{ n: 1 }]);
      await store.close();
    },
  );

  test('is refused while the license is apache, by every role, and says what to set', async () => {
    const config = await made('timescale-apache', 'timescale');
    const refused = {
      code: 'database/refused',
      message: expect.stringContaining("Set timescaledb.license = 'timescale'"),
    };
    await expect(migrate(config, silentLog)).rejects.toMatchObject(refused);
    for (const { version, name: step } of migrations)
      await query(`INSERT INTO fieldline.migration VALUES (${version}, '${step}', 'timescale')`);
    const store = openStore(config, 'test');
    await expect(store.withSession((session) => editionOfSchema(session, 'fieldline'))).rejects.toMatchObject(refused);
    await store.close();
  });

  test('is refused where the extension is gone', async () => {
    const config = await made('timescale', 'timescale');
    await query('DROP EXTENSION timescaledb');
    await expect(migrate(config, silentLog)).rejects.toMatchObject({
      code: 'database/refused',
      message: expect.stringContaining('which this database has no more'),
    });
  });

  test('says how to go on when the programs of TimescaleDB were upgraded and the database was not', async () => {
    const config = await made('timescale', 'timescale');
    await query(`UPDATE pg_extension SET extversion = '2.18.0' WHERE extname = 'timescaledb'`);
    await expect(migrate(config, silentLog)).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining('run ALTER EXTENSION timescaledb UPDATE'),
    });
  });
});

describeWith(timescale, 'the schema on TimescaleDB', () => {
  test('has hypertables, the columnstore, aggregates upon aggregates, and their jobs', async () => {
    const database = await (await requireServer('timescale')).createDatabase();
    const config = configOf(database.url);
    await migrate(config, silentLog);
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
      `SELECT view_name, materialized_only, compression_enabled FROM timescaledb_information.continuous_aggregates ORDER BY 1`,
    );
    expect(aggregates).toEqual(
      ['rollup_1d', 'rollup_1h', 'rollup_1m'].map((view_name) => ({
        view_name,
        materialized_only: true,
        compression_enabled: view_name !== 'rollup_1d',
      })),
    );
    const jobs = () =>
      query<{ job_id: number; proc_name: string }>(
        `SELECT job_id, proc_name FROM timescaledb_information.jobs WHERE proc_name ~ '^policy_(compression|retention|refresh)' ORDER BY 1`,
      );
    const before = await jobs();
    expect(before.map(({ proc_name }) => proc_name).sort()).toEqual([
      'policy_compression',
      ...Array(3).fill('policy_refresh_continuous_aggregate'),
      ...Array(4).fill('policy_retention'),
    ]);
    await migrate(config, silentLog);
    expect(await jobs()).toEqual(before);
    await database.drop();
  });

  test('never refreshes what retention has removed, also not when a longer one is set', async () => {
    const database = await (await requireServer('timescale')).createDatabase();
    const config = configOf(database.url);
    const query = queryOf(database.url);
    const days = async (job: string, key: string): Promise<number> => {
      const [row] = await query<{ days: number }>(
        `SELECT extract(epoch FROM (config ->> '${key}')::interval)::float8 / 86400 AS days FROM timescaledb_information.jobs WHERE proc_name = '${job}' AND hypertable_name ~ '^(sample|rollup_1m)$' ORDER BY config ->> '${key}' LIMIT 1`,
      );
      return row?.days ?? Number.NaN;
    };
    const dayMs = 24 * 3_600_000;
    await migrate(config, silentLog);
    expect(await days('policy_refresh_continuous_aggregate', 'start_offset')).toBe(89);
    await migrate({ ...config, retainRawMs: 45 * dayMs }, silentLog);
    expect(await days('policy_retention', 'drop_after')).toBe(45);
    expect(await days('policy_refresh_continuous_aggregate', 'start_offset')).toBe(44);
    await migrate({ ...config, retainRawMs: 60 * dayMs }, silentLog);
    const lookBack = await days('policy_refresh_continuous_aggregate', 'start_offset');
    expect(lookBack).toBeGreaterThan(44);
    expect(lookBack).toBeLessThan(45);
    await database.drop();
  });
});
