import type { DatabaseConfig } from '@fieldline/shared/config';
import { type Log, silentLog, systemClock } from '@fieldline/shared/runtime';
import {
  describeWith,
  requirePostgres,
  requireServer,
  type TestDatabase,
  timescale,
  waitFor,
} from '@fieldline/shared/testing';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/connection.ts';
import { describePlan } from '../../src/store/describe-plan.ts';
import type { Edition } from '../../src/store/edition.ts';
import { readIncarnation } from '../../src/store/incarnation.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { editionOfSchema, migrate, planOf } from '../../src/store/migrate.ts';
import { migrations, newestVersion } from '../../src/store/migrations/index.ts';
import { configFor, queryOf } from '../processor/line.ts';
import { editionsUnderTest } from './editions.ts';

/** Tables and views that queries name, with their columns: the same on every edition. */
const contents = `
  SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'fieldline'
    AND table_name !~ '_[0-9]+t[0-9]+$|_default$|^policy$' ORDER BY 1, 2`;
/** All that is in the database, whoever made it. */
const everything =
  'SELECT oid::text, relname FROM pg_class UNION ALL SELECT oid::text, extname FROM pg_extension ORDER BY 1';
const names = migrations.map(({ name }) => name);
const configOf = (url: string): DatabaseConfig => configFor(url, '/nowhere').database;

/** The same database as a user of whom nobody has heard. */
async function asStranger(
  query: ReturnType<typeof queryOf>,
  database: TestDatabase,
): Promise<{ role: string; url: string }> {
  const role = `stranger_${Math.random().toString(36).slice(2)}`;
  await query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'x';
  return { role, url: url.href };
}

/** Contents of the first edition that was made. */
let sameOnAll: unknown;

for (const { name, kind, edition, requirement } of editionsUnderTest) {
  describeWith(requirement, `migrations on ${name}`, () => {
    let database: TestDatabase;
    let query: ReturnType<typeof queryOf>;
    let config: DatabaseConfig;
    beforeEach(async () => {
      database = await (await requireServer(kind)).createDatabase();
      query = queryOf(database.url);
      config = configOf(database.url);
    });
    afterEach(() => database.drop());

    test('wait for each other when some run at a time, and change nothing once they are done', async () => {
      const results = await Promise.all([1, 2, 3].map(() => migrate(config, silentLog)));
      expect(results.flatMap(({ applied }) => applied)).toEqual(names);
      expect(results.map((result) => result.edition)).toEqual([edition, edition, edition]);
      const before = await query(everything);
      const store = openStore(config, 'test');
      const incarnation = await store.withSession(readIncarnation);
      expect(incarnation).toMatch(/^[0-9a-f-]{36}:\d+:\d+$/);
      expect(await migrate(config, silentLog)).toEqual({ edition, applied: [] });
      expect(await query(everything)).toEqual(before);
      expect(await store.withSession(readIncarnation)).toBe(incarnation);
      await store.close();
    });

    test('can be looked at before: nothing is changed, and what is shown does the same when it is run', async () => {
      const before = await query(everything);
      const plan = await planOf(config);
      expect(await query(everything)).toEqual(before);
      expect(plan).toMatchObject({ edition, version: 0, migrations: names, grants: [] });
      const script = describePlan(plan, config.schema);
      expect(script).toContain(`-- schema fieldline: at version 0, would go to ${newestVersion}`);
      await query(script);
      const after = await planOf(config);
      expect(after).toMatchObject({ version: newestVersion, steps: [], notes: [] });
      expect(describePlan(after, config.schema)).toContain('-- nothing would be changed');
      expect(await migrate(config, silentLog)).toEqual({ edition, applied: [] });
      const made = await query(contents);
      expect(made.length).toBeGreaterThan(100);
      sameOnAll ??= made;
      expect(made).toEqual(sameOnAll);
    });

    test('go on where one was killed, and leave nothing half done', async () => {
      await query('CREATE SCHEMA fieldline');
      const blocker = new pg.Client({ connectionString: database.url });
      await blocker.connect();
      // The second step waits for us to decide whether this view is to be; meanwhile its program is killed.
      await blocker.query('BEGIN');
      await blocker.query('CREATE VIEW fieldline.sample_1m AS SELECT 1 AS one');
      const killed = migrate(config, silentLog);
      const outcome = expect(killed).rejects.toMatchObject({ code: 'database/unreachable' });
      const waiting = `FROM pg_stat_activity WHERE application_name = 'fieldline-migrate' AND datname = current_database() AND wait_event_type = 'Lock'`;
      await waitFor(async () => (await query(`SELECT pid ${waiting}`)).length > 0, { what: 'the second step' });
      await query(`SELECT pg_terminate_backend(pid) ${waiting}`);
      await outcome;
      await blocker.query('ROLLBACK');
      await blocker.end();
      expect(await query('SELECT name FROM migration')).toEqual([{ name: names[0] }]);
      expect(await query(`SELECT to_regclass('rollup_1m') AS half_done`)).toEqual([{ half_done: null }]);
      expect(await migrate(config, silentLog)).toEqual({ edition, applied: names.slice(1) });
    });

    test('say which right is missing, and need no more than what they say', async () => {
      const { role, url } = await asStranger(query, database);
      const lacking = configOf(url);
      await query(`REVOKE CREATE ON DATABASE ${new URL(url).pathname.slice(1)} FROM PUBLIC`);
      const grant = `GRANT CREATE, CONNECT ON DATABASE ${new URL(url).pathname.slice(1)} TO ${role};`;
      await expect(migrate(lacking, silentLog)).rejects.toMatchObject({
        code: 'database/refused',
        message: `the user lacks rights. As administrator run: ${grant}`,
      });
      const plan = await planOf(lacking);
      expect(plan.grants).toEqual([grant]);
      expect(plan.migrations).toEqual(names);
      await query(grant);
      expect(await migrate(lacking, silentLog)).toEqual({ edition, applied: names });
      const store = openStore(lacking, 'test');
      await maintain({ store, config: lacking, edition, clock: systemClock });
      await store.close();
    });

    test('are refused to who does not own the tables, and to an older program than made them: it is said who may', async () => {
      await migrate(config, silentLog);
      const { role, url } = await asStranger(query, database);
      await expect(migrate(configOf(url), silentLog)).rejects.toMatchObject({
        code: 'database/refused',
        message: expect.stringContaining(
          `GRANT USAGE, CREATE ON SCHEMA fieldline TO ${role}; GRANT postgres TO ${role};`,
        ),
      });
      const newer = newestVersion + 3;
      await query(`INSERT INTO migration VALUES (${newer}, 'from the future', '${edition}')`);
      const refused = {
        code: 'database/refused',
        message: `the schema is at version ${newer}, made by a newer fieldline-ingest; this one knows ${newestVersion}: install that one here too`,
      };
      await expect(migrate(config, silentLog)).rejects.toMatchObject(refused);
      await expect(planOf(config)).rejects.toMatchObject(refused);
      const store = openStore(config, 'test');
      await expect(store.withSession((session) => editionOfSchema(session, 'fieldline'))).rejects.toMatchObject(
        refused,
      );
      await store.close();
    });
  });
}

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
