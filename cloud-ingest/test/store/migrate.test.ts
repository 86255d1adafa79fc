import type { DatabaseConfig } from '@fieldline/shared/config';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, requireServer, type TestDatabase, waitFor } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/store/connection.ts';
import { describePlan } from '../../src/store/describe-plan.ts';
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
