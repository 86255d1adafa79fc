import { createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startMaintenance } from '../../../src/store/maintenance/maintenance.ts';
import { createMaintenanceMetrics } from '../../../src/store/maintenance/maintenance-metrics.ts';
import { openTestStore, type TestStore } from '../editions.ts';

let under: TestStore;
beforeEach(async () => {
  under = await openTestStore('postgres');
});
afterEach(() => under.close());

function start() {
  const metrics = createMetrics();
  const { store, config, edition } = under;
  const counts = createMaintenanceMetrics(metrics);
  const maintenance = startMaintenance({ store, config, edition, clock: systemClock, log: silentLog, counts });
  const value = async (name: string): Promise<number> => {
    const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${name} `));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  return { maintenance, value };
}

test('what was computed and what came too late is counted', async () => {
  await under.query(
    `INSERT INTO sample (time, value, batch, series_id, quality) SELECT now() - n * INTERVAL '1 day', 1, 1, 1, 0 FROM generate_series(1, 3) n`,
  );
  await under.query(`INSERT INTO touched_1m SELECT date_trunc('minute', time) FROM sample`);
  await under.query(
    `INSERT INTO touched_1m SELECT date_trunc('minute', now()) - n * INTERVAL '1 year' FROM generate_series(1, 2) n`,
  );
  const { maintenance, value } = start();
  await waitFor(async () => (await value('fieldline_maintenance_succeeded_timestamp_seconds')) > 1.7e9);
  await maintenance.close();
  expect(await value('fieldline_rollups_buckets_computed_total{level="sample_1m"}')).toBe(3);
  expect(await value('fieldline_rollups_buckets_computed_total{level="sample_1h"}')).toBe(3);
  expect(await value('fieldline_rollups_buckets_expired_total{level="sample_1m"}')).toBe(2);
  expect(await under.query('SELECT count(*)::int AS n FROM rollup_1h')).toEqual([{ n: 3 }]);
});

test('a round that fails is counted, and none of it is left half done', async () => {
  await under.query(`INSERT INTO touched_1m VALUES (date_trunc('minute', now()) - INTERVAL '1 hour')`);
  await under.query('ALTER TABLE rollup_1m RENAME COLUMN good TO fair');
  const { maintenance, value } = start();
  await waitFor(async () => (await value('fieldline_maintenance_failures_total')) === 1);
  await maintenance.close();
  expect(await under.query('SELECT count(*)::int AS n FROM touched_1m')).toEqual([{ n: 1 }]);
});

test('one of two processors keeps the tables at a time', async () => {
  await under.store.withSession(async (session) => {
    await session.query('SELECT pg_advisory_lock($1)', [0x6d61_696e]);
    await under.query(`INSERT INTO touched_1m VALUES (date_trunc('minute', now()) - INTERVAL '1 hour')`);
    await under.keep();
    expect(await under.query('SELECT count(*)::int AS n FROM touched_1m')).toEqual([{ n: 1 }]);
    await session.query('SELECT pg_advisory_unlock_all()');
  });
  await under.keep();
  expect(await under.query('SELECT count(*)::int AS n FROM touched_1m')).toEqual([{ n: 0 }]);
});

test('what was declared lost, and what was odd, is told as long as summaries of a minute are kept', async () => {
  const { retainMinutesMs } = under.config;
  await under.query(`INSERT INTO anomaly (at, kind, details) VALUES (now() - INTERVAL '${retainMinutesMs - 60_000} milliseconds', 'young', '{}'),
    (now() - INTERVAL '${retainMinutesMs + 60_000} milliseconds', 'old', '{}')`);
  await under.keep();
  expect(await under.query('SELECT kind FROM anomaly')).toEqual([{ kind: 'young' }]);
});
