import type { Value } from '@fieldline/shared/contracts';
import { systemClock } from '@fieldline/shared/runtime';
import { describeWith } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { spansOf } from '../../src/store/maintenance/spans.ts';
import { rollupTable } from '../../src/store/migrations/own-rollups.ts';
import { rollupColumns, rollupLevels } from '../../src/store/migrations/rollup-levels.ts';
import { type RowSource, rowsOf } from '../../src/store/rows.ts';
import { touchRollups } from '../../src/store/touch-rollups.ts';
import { leastRows } from '../../src/store/write-path.ts';
import { writeSamples } from '../../src/store/write-samples.ts';
import { editionsUnderTest, openTestStore, type TestStore } from './editions.ts';

const second = 1_000_000;
const minute = 60 * second;
const day = 24 * 60 * minute;
const series = 4;
const stepUs = 7.5 * second;
const nowUs = Date.now() * 1_000;

type Reading = { readonly time: number; readonly tag: number; readonly value: Value | null; readonly quality: number };

/** Series 1 and 2 have bad and uncertain samples among their values, 3 speaks in text, 4 is bad for hours on end. */
function readingAt(time: number): Reading {
  const n = Math.floor(time / second);
  const tag = n % series;
  const isBad = n % 5 === 0 || (tag === 3 && n % 40_000 < 20_000);
  // Quarters are exact in binary, so that a sum is the same in whatever order it was made.
  const value = tag === 2 ? `mode ${n % 3}` : ((n * 37) % 101) / 4;
  return { time, tag, value: isBad ? null : value, quality: isBad ? 201 : n % 7 === 0 ? 101 : 0 };
}

const between = (from: number, to: number): Reading[] =>
  Array.from({ length: Math.floor((to - from) / stepUs) * series }, (_, n) =>
    readingAt(from + Math.floor(n / series) * stepUs + (n % series) * 7 * second + (n % 13)),
  );

let seq = 0;
const sourceOf = (readings: readonly Reading[]): RowSource => ({
  streamNo: 1,
  seq: ++seq,
  time: readings.map(({ time }) => time),
  value: readings.map(({ value }) => value),
  quality: readings.map(({ quality }) => quality),
  tagIndex: readings.map(({ tag }) => tag),
  seriesIds: Array.from({ length: series }, (_, n) => n + 1),
});

/** One transaction, as the processor makes it. */
const write = ({ store }: TestStore, readings: readonly Reading[]) =>
  store.inTransaction(async (session) => {
    const rows = rowsOf([sourceOf(readings)]);
    await touchRollups(session, rows);
    return writeSamples(session, rows);
  });

/** In an order that has nothing to do with time, and always the same. */
const shuffled = <Item>(items: readonly Item[]): Item[] =>
  items
    .map((item, n) => ({ item, at: (n * 7_919) % 104_729 }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

const recomputed = (width: string): string => `
  SELECT date_bin('${width}', time, TIMESTAMPTZ '2000-01-01 00:00:00+00') AS bucket, series_id, count(*), count(*) FILTER (WHERE quality < 100) AS good,
    count(value) AS valued, sum(value), min(value), max(value),
    (array_agg(value ORDER BY time) FILTER (WHERE value IS NOT NULL))[1] AS first,
    (array_agg(value ORDER BY time DESC) FILTER (WHERE value IS NOT NULL))[1] AS last
  FROM sample GROUP BY 1, 2`;

/** Buckets that differ from a computation from the rows, either way: of all, or of those that are over. */
async function expectExact({ query, keptAtMs }: TestStore, what: 'views' | 'computed'): Promise<void> {
  for (const level of rollupLevels) {
    const table = what === 'views' ? level.name : rollupTable(level);
    const over =
      what === 'views' ? 'true' : `bucket + INTERVAL '${level.width}' <= to_timestamp(${keptAtMs() / 1_000})`;
    const [row] = await query<{ differing: unknown[] | null; buckets: number }>(
      `WITH kept AS MATERIALIZED (SELECT ${rollupColumns} FROM ${table} WHERE ${over}),
         own AS MATERIALIZED (SELECT * FROM (${recomputed(level.width)}) AS all_of_them WHERE ${over})
       SELECT (SELECT count(*)::int FROM own) AS buckets,
         (SELECT json_agg(each) FROM (
           (SELECT 'kept', * FROM (SELECT * FROM kept EXCEPT SELECT * FROM own) AS k LIMIT 3) UNION ALL
           (SELECT 'own', * FROM (SELECT * FROM own EXCEPT SELECT * FROM kept) AS o LIMIT 3)) AS each) AS differing`,
    );
    expect(row?.differing, table).toBeNull();
    // Of days, none may be over yet.
    if (over === 'true' || level.width !== '1 day') expect(row?.buckets, table).toBeGreaterThanOrEqual(series);
  }
}

const touched = async ({ query, keptAtMs }: TestStore): Promise<number> => {
  const [row] = await query<{ n: number }>(
    `SELECT count(*)::int AS n FROM touched_1m WHERE bucket + INTERVAL '1 minute' <= to_timestamp(${keptAtMs() / 1_000})`,
  );
  return row?.n ?? -1;
};

for (const { name, kind, requirement } of editionsUnderTest) {
  describeWith(requirement, `roll-ups on ${name}`, () => {
    let under: TestStore;
    // Nine of ten samples come in time; the others, from anywhere in half a day and more, when all the rest is there.
    const all = between(nowUs - 0.6 * day, nowUs);
    const isLate = (_: Reading, n: number): boolean => (n * 31) % 10 === 0;
    const late = shuffled(all.filter(isLate));
    const inTime = all.filter((reading, n) => !isLate(reading, n));

    beforeAll(async () => {
      under = await openTestStore(kind, { retainRawMs: 5 * 24 * 3_600_000, chunkMs: 6 * 3_600_000 });
      for (let at = 0; at < inTime.length; at += 7_000) await write(under, inTime.slice(at, at + 7_000));
    });
    afterAll(() => under.close());

    test('are right up to now before anything was computed', () => expectExact(under, 'views'));

    test('are right when the finished buckets are computed and the last is still filling', async () => {
      await under.keep();
      expect(await touched(under)).toBe(0);
      await expectExact(under, 'computed');
      await expectExact(under, 'views');
    });

    test('are right as soon as late rows are in, and when those are computed too, wherever the rows are kept', async () => {
      if (under.edition === 'timescale') {
        const chunks = await under.query<{ chunk: string }>(
          `SELECT show_chunks('sample', older_than => INTERVAL '3 hours')::text AS chunk
           UNION ALL SELECT show_chunks('rollup_1m', older_than => INTERVAL '3 hours')::text`,
        );
        for (const { chunk } of chunks) await under.query(`CALL convert_to_columnstore('${chunk}')`);
      }
      // Many small transactions and a large one; the large one goes straight to the columnstore where there is any.
      const large = [...late.slice(900), ...between(nowUs - 4.13 * day, nowUs - 4 * day)];
      expect(large.length).toBeGreaterThan(leastRows);
      const { taken } = await write(under, shuffled(large));
      const straight = taken.filter(({ path, late }) => path === 'columnstore' && late);
      expect(straight).toHaveLength(under.edition === 'timescale' ? 1 : 0);
      for (let at = 0; at < 900; at += 300) await write(under, late.slice(at, at + 300));
      await expectExact(under, 'views');
      await under.keep();
      expect(await touched(under)).toBe(0);
      await expectExact(under, 'computed');
    });

    test('know of rows that a transaction committed while they were computed', async () => {
      const time = nowUs - 0.3 * day;
      await under.store.inTransaction(async (session) => {
        const rows = rowsOf([sourceOf([{ time, tag: 0, value: 1_000, quality: 0 }])]);
        await writeSamples(session, rows);
        await touchRollups(session, rows);
        await write(under, [{ time: time + second, tag: 1, value: -1_000, quality: 0 }]);
        await under.keep();
      });
      await expectExact(under, 'views');
      await under.keep();
      await expectExact(under, 'computed');
    });

    test('forget a bucket whose rows are gone', async () => {
      const from = Math.floor((nowUs - 0.35 * day) / minute) * minute;
      const inMinute = `time >= to_timestamp(${from / 1e6}) AND time < to_timestamp(${(from + minute) / 1e6})`;
      await under.query(`INSERT INTO touched_1m SELECT date_trunc('minute', time) FROM sample WHERE ${inMinute}`);
      await under.query(`DELETE FROM sample WHERE ${inMinute}`);
      await under.keep();
      await expectExact(under, 'computed');
    });

    test('stay touched when computing them fails', async () => {
      await write(under, [{ time: nowUs - 0.45 * day, tag: 0, value: 77, quality: 0 }]);
      const { store, config, edition, query } = under;
      // The first connection takes the buckets; what computes them, on it or on a second one, meets its end.
      await query(`ALTER TABLE touched_1h ADD CONSTRAINT nothing_goes CHECK (bucket < '1970-01-01') NOT VALID`);
      await expect(maintain({ store, config, edition, clock: systemClock })).rejects.toThrow('nothing_goes');
      expect(await touched(under)).toBe(1);
      await query('ALTER TABLE touched_1h DROP CONSTRAINT nothing_goes');
      await under.keep();
      expect(await touched(under)).toBe(0);
      await expectExact(under, 'computed');
    });

    test('are not emptied by a late row when retention has removed the rows they were computed from', async () => {
      const { store, config, edition, query } = under;
      const laterUs = nowUs + config.retainRawMs * 1_000 - 2.9 * day;
      const later = { ...systemClock, now: () => laterUs };
      const sums = () =>
        query(`SELECT 'm', count(*), sum(count), sum(sum) FROM rollup_1m UNION ALL SELECT 'h', count(*), sum(count), sum(sum) FROM rollup_1h
               UNION ALL SELECT 'd', count(*), sum(count), sum(sum) FROM rollup_1d ORDER BY 1`);
      await under.keep(laterUs);
      if (edition === 'timescale')
        await query(
          `SELECT drop_chunks('sample', older_than => to_timestamp(${laterUs / 1e6 - config.retainRawMs / 1e3}))`,
        );
      const before = await sums();
      const [left] = await query<{ oldest: Date }>('SELECT min(time) AS oldest FROM sample');
      expect(left?.oldest.getTime()).toBeGreaterThan((nowUs - 3 * day) / 1_000);
      await write(under, [{ time: nowUs - 3.95 * day, tag: 0, value: 77, quality: 0 }]);
      // A longer retention that is set afterwards does not bring the rows back.
      const longer = { ...config, retainRawMs: 10 * config.retainRawMs };
      const { levels } = await maintain({ store, config: longer, edition, clock: later });
      expect(levels.map(({ expired }) => expired)).toEqual([1, 0, 0]);
      expect(await touched(under)).toBe(0);
      expect(await sums()).toEqual(before);
    });
  });
}

describe('spans', () => {
  test('put buckets together that follow each other, and only those', () => {
    const spans = spansOf([0, 10, 20, 50, 70, 80], 10).map(({ from, to }) => [from.getTime(), to.getTime()]);
    expect(spans).toEqual([
      [0, 30],
      [50, 60],
      [70, 90],
    ]);
    expect(spansOf([], 10)).toEqual([]);
  });
});
