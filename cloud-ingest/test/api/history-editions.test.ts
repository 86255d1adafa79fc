import type { Value } from '@fieldline/shared/contracts';
import { report } from '@fieldline/shared/runtime';
import { describeWith, waitFor } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planHistory, type SummaryPlan, widthUs } from '../../src/api/history/plan.ts';
import { missingOf } from '../../src/api/history/points.ts';
import { type History, historySchema } from '../../src/api/history/schemas.ts';
import { type RowSource, rowsOf } from '../../src/store/rows.ts';
import { touchRollups } from '../../src/store/touch-rollups.ts';
import { writeSamples } from '../../src/store/write-samples.ts';
import { editionsUnderTest, openTestStore, type TestStore } from '../store/editions.ts';
import { startTestApi, type TestApi } from './fixture.ts';

const minuteUs = 60_000_000;
const dayUs = 1_440 * minuteUs;
const nowUs = Date.now() * 1_000;
const days = 3.5;
const beginUs = nowUs - days * dayUs;

type Reading = { readonly time: number; readonly value: number | null; readonly quality: number };

/** A value a minute, and for an hour two days ago one a second; quarters, so that sums are exact in any order. */
function readingAt(time: number): Reading {
  const n = Math.floor(time / 1e6);
  const isBad = n % 11 === 0 || (n % 100_000 > 60_000 && n % 100_000 < 70_000);
  return { time, value: isBad ? null : ((n * 37) % 401) / 4, quality: isBad ? 201 : n % 7 === 0 ? 101 : 0 };
}
const every = (stepUs: number, from: number, to: number): Reading[] =>
  Array.from({ length: Math.floor((to - from) / stepUs) }, (_, n) => readingAt(from + n * stepUs));

const readings = [
  ...every(minuteUs, beginUs, nowUs),
  ...every(1_000_000, nowUs - 2 * dayUs + 1, nowUs - 2 * dayUs + 3_600_000_001),
].sort((a, b) => a.time - b.time);
const isLate = (_: Reading, n: number): boolean => n % 10 === 3;

const sourceOf = (of: readonly Reading[], value: (reading: Reading) => Value | null): RowSource => ({
  streamNo: 1,
  seq: 1,
  time: of.map(({ time }) => time),
  value: of.map(value),
  quality: of.map(({ quality }) => quality),
  tagIndex: of.map(() => 0),
  seriesIds: [1],
});
const write = ({ store }: TestStore, of: readonly Reading[]) =>
  store.inTransaction(async (session) => {
    const rows = rowsOf([sourceOf(of, ({ value }) => value)]);
    await writeSamples(session, rows);
    await touchRollups(session, rows);
  });

/** The plan that the question has, answered from the readings: what any edition must say. */
function expected(from: number, to: number, maxPoints: number): object {
  const within = (range: { from: number; to: number }): Reading[] =>
    readings.filter(({ time }) => time >= range.from && time < range.to);
  const plan = planHistory({
    from,
    to,
    maxPoints,
    samples: within({ from, to }).length,
    oldestRaw: nowUs - 90 * dayUs,
    oldestMinute: nowUs - 366 * dayUs,
    oldestHour: nowUs - 3_653 * dayUs,
  });
  if (plan.form === 'samples') {
    const all = within({ from, to });
    return { form: 'samples', timeUs: all.map(({ time }) => time), value: all.map(({ value }) => value) };
  }
  const points = new Map<number, Reading[]>();
  for (const reading of within(plan)) {
    const at = plan.from + Math.floor((reading.time - plan.from) / plan.pointUs) * plan.pointUs;
    points.set(at, [...(points.get(at) ?? []), reading]);
  }
  return { form: 'summaries', level: plan.level, ...columnsOf(plan, points) };
}

function columnsOf(plan: SummaryPlan, points: ReadonlyMap<number, readonly Reading[]>) {
  const values = [...points.values()].map((of) => of.flatMap(({ value }) => value ?? []));
  const orNull = (of: readonly number[], what: (...values: number[]) => number) =>
    of.length === 0 ? null : what(...of);
  const mean = (...of: number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  return {
    pointMs: plan.pointUs / 1_000,
    timeUs: [...points.keys()],
    mean: values.map((of) => orNull(of, mean)),
    min: values.map((of) => orNull(of, Math.min)),
    max: values.map((of) => orNull(of, Math.max)),
    count: [...points.values()].map((of) => of.length),
    good: [...points.values()].map((of) => of.filter(({ quality }) => quality < 100).length),
  };
}

for (const { name, kind, requirement } of editionsUnderTest) {
  describeWith(requirement, `history on ${name}`, () => {
    let under: TestStore;
    let api: TestApi;
    beforeAll(async () => {
      under = await openTestStore(kind);
      await under.query(`INSERT INTO series (gateway, device, tag, type) VALUES ('g', 'd', 't', 'float64')`);
      const inTime = readings.filter((reading, n) => !isLate(reading, n));
      for (let at = 0; at < inTime.length; at += 6_000) await write(under, inTime.slice(at, at + 6_000));
      await under.keep();
      // A part of the late rows is in the roll-ups, a part is not, and some are scattered over all the time.
      const late = readings.filter(isLate);
      await write(under, late.slice(0, 300));
      await under.keep();
      await write(under, late.slice(300, 600));
      await write(under, late.slice(600));
      api = await startTestApi(under.database.url);
    });
    afterAll(async () => {
      await api?.close();
      await under?.close();
    });

    const ask = async (from: number, to: number, maxPoints: number): Promise<History> => {
      const { body } = await api.get(`/api/v1/history?seriesId=1&from=${from}&to=${to}&maxPoints=${maxPoints}`);
      expect(body).not.toHaveProperty('code');
      return historySchema.parse(body);
    };

    test('finds all tables that the API reads', async () => {
      await waitFor(() => report(api.health.ready).ok, { what: 'readiness' });
    });

    test('says what the samples say, whatever range and number of points is asked for', async () => {
      const instant = fc.integer({ min: 0, max: days * 1_440 }).map((minutes) => beginUs + minutes * minuteUs);
      const question = fc
        .tuple(instant, instant, fc.constantFrom(2, 10, 60, 250, 1_000, 5_000))
        .filter(([from, to]) => from < to);
      await fc.assert(
        fc.asyncProperty(question, async ([from, to, maxPoints]) => {
          expect(await ask(from, to, maxPoints)).toMatchObject(expected(from, to, maxPoints));
        }),
        { numRuns: 20, seed: 20_261_123, endOnFailure: true },
      );
    });

    test.each([
      { hours: 72, maxPoints: 1_000, level: 'sample_1m' },
      { hours: 72, maxPoints: 50, level: 'sample_1h' },
      { hours: 72, maxPoints: 3, level: 'sample_1d' },
      { hours: 1, maxPoints: 30, level: 'sample_1m' },
    ])('up to now, $hours hours in $maxPoints points are right from $level', async ({ hours, maxPoints, level }) => {
      const from = nowUs - hours * 60 * minuteUs;
      const history = await ask(from, nowUs, maxPoints);
      expect(history).toMatchObject({ level, ...expected(from, nowUs, maxPoints) });
    });
  });
}

describe('ranges of what is missing', () => {
  const us = widthUs.sample_1m;
  test('join neighbours', () => {
    expect(missingOf([0, us, 2 * us, 5 * us], us)).toEqual([
      { from: 0, to: 3 * us },
      { from: 5 * us, to: 6 * us },
    ]);
    expect(missingOf([], us)).toEqual([]);
  });
  test('become one where there are many, which says what of it is meant', () => {
    const buckets = Array.from({ length: 50 }, (_, n) => n * 3 * us);
    expect(missingOf(buckets, us)).toEqual([{ from: 0, to: 148 * us, only: { buckets, bucketUs: us } }]);
  });
});
