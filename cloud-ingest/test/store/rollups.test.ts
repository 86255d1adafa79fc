import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, type TestDatabase, type TestPostgres } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore, type Store } from '../../src/store/connection.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { migrate } from '../../src/store/migrate.ts';
import { rollupLevels } from '../../src/store/migrations/rollup-levels.ts';
import { configFor, queryOf, servers } from '../processor/line.ts';

/** Three days, ending in the minute that is not over, with a series that has bad, uncertain and text samples among its values. */
const insert = (from: number, to: number): string => `
  INSERT INTO sample (time, value, batch, series_id, quality, text)
  SELECT date_trunc('minute', now()) - (n * INTERVAL '17 seconds') + INTERVAL '5 seconds', CASE WHEN n % 5 = 0 OR series = 3 THEN NULL ELSE (n * 37 % 101) / 4.0 END, 1, series,
    CASE WHEN n % 5 = 0 THEN 201 WHEN n % 7 = 0 THEN 101 ELSE 0 END, CASE WHEN series = 3 AND n % 5 > 0 THEN 'on' END
  FROM generate_series(${from}, ${to}) n, generate_series(1, 3) series`;

const touch = `INSERT INTO touched_1m (bucket) SELECT DISTINCT date_bin('1 minute', time, TIMESTAMPTZ '2000-01-01 00:00:00+00') FROM sample`;

const recomputed = (width: string): string => `
  SELECT date_bin('${width}', time, TIMESTAMPTZ '2000-01-01 00:00:00+00') AS bucket, series_id, count(*), count(*) FILTER (WHERE quality < 100) AS good,
    count(value) AS valued, sum(value), min(value), max(value),
    (array_agg(value ORDER BY time) FILTER (WHERE value IS NOT NULL))[1] AS first,
    (array_agg(value ORDER BY time DESC) FILTER (WHERE value IS NOT NULL))[1] AS last
  FROM sample GROUP BY 1, 2`;

for (const { name, requirement, open } of servers) {
  describeWith(requirement, `roll-ups on ${name}`, () => {
    let server: TestPostgres;
    let database: TestDatabase;
    let store: Store;
    let plain: boolean;
    beforeAll(async () => {
      server = await open();
      database = await server.createDatabase();
      const { database: config } = configFor(database.url, '/nowhere');
      plain = (await migrate(config, silentLog)).edition === 'plain';
      store = openStore(config, 'test');
      // The test says when they are computed, not the jobs in the background.
      if (!plain) await query('SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs');
    });
    afterAll(async () => {
      await store.close();
      await database.drop();
      if ('close' in server && typeof server.close === 'function') await server.close();
    });

    const query = <Row extends object>(sql: string) => queryOf(database.url)<Row & Record<string, unknown>>(sql);

    async function bringUpToDate(): Promise<void> {
      const config = configFor(database.url, '/nowhere').database;
      if (plain) await maintain({ store, config, edition: 'plain', clock: systemClock });
      else
        for (const { name } of rollupLevels)
          await query(`CALL refresh_continuous_aggregate('${name}', NULL, now() - INTERVAL '2 days')`);
    }

    /** Buckets that differ from a computation from the rows, either way. */
    async function expectExact(): Promise<void> {
      for (const { name, width } of rollupLevels) {
        const kept = `SELECT bucket, series_id, count, good, valued, sum, min, max, first, last FROM ${name}`;
        const own = recomputed(width);
        const differing = await query(
          `(SELECT 'kept' AS side, * FROM (${kept} EXCEPT ${own}) AS kept UNION ALL SELECT 'own', * FROM (${own} EXCEPT ${kept}) AS own)
           ORDER BY bucket, series_id LIMIT 4`,
        );
        expect(differing, name).toEqual([]);
        const [row] = await query<{ n: number }>(`SELECT count(*)::int AS n FROM ${name}`);
        expect(row?.n, name).toBeGreaterThan(0);
      }
    }

    test('are right up to now before anything was computed', async () => {
      await query(insert(0, 12_000));
      if (plain) await query(touch);
      await expectExact();
    });

    test('are right when the finished buckets are computed and the last is still filling', async () => {
      await bringUpToDate();
      await expectExact();
    });

    test('are right again after late rows', async () => {
      await query(insert(14_000, 15_000));
      if (plain) await query(touch);
      await bringUpToDate();
      await expectExact();
    });

    // TimescaleDB's own aggregates do the same; what it materializes is not ours to test.
    if (name !== 'plain PostgreSQL') return;
    test('are not computed again when asked', async () => {
      const [row] = await query<{ touched: number; computed: number }>(
        `SELECT (SELECT count(*)::int FROM touched_1m) AS touched, (SELECT count(*)::int FROM rollup_1m) AS computed`,
      );
      expect(row?.touched).toBeLessThan(5);
      expect(row?.computed).toBeGreaterThan(10_000);
    });
  });
}
