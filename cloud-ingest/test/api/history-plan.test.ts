import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxRawSamples, planHistory } from '../../src/api/history/plan.ts';

const minute = 60_000_000;
const hour = 60 * minute;
const day = 24 * hour;
const now = 20_000 * day;
const ask = (rangeUs: number, samples: number, maxPoints = 1_000) =>
  planHistory({
    from: now - rangeUs,
    to: now,
    maxPoints,
    samples,
    oldestRaw: now - 90 * day,
    oldestMinute: now - 366 * day,
    oldestHour: now - 3_653 * day,
  });

test('few samples are given as they are, however long the range', () => {
  expect(ask(5 * minute, 300)).toEqual({ form: 'samples' });
  expect(ask(80 * day, 1_000)).toEqual({ form: 'samples' });
});

test('too many samples in a short range become points of raw rows', () => {
  expect(ask(hour, 3_600)).toMatchObject({ form: 'summaries', level: 'raw', pointUs: 3_600_000 });
});

test('a range so dense that reading it raw would be heavy is answered from one-minute summaries', () => {
  expect(ask(hour, maxRawSamples + 1)).toMatchObject({ form: 'summaries', level: 'sample_1m', pointUs: minute });
});

test('the coarsest summaries that still give enough points are read', () => {
  expect(ask(day, 86_400)).toMatchObject({ level: 'sample_1m', pointUs: 2 * minute });
  expect(ask(60 * day, 5_184_000)).toMatchObject({ level: 'sample_1h', pointUs: 2 * hour });
  expect(ask(89 * day, 7_689_600, 60)).toMatchObject({ level: 'sample_1d', pointUs: 2 * day });
});

test('what retention may have removed is not asked for', () => {
  expect(ask(91 * day, 10, 100_000)).toMatchObject({ form: 'summaries', level: 'sample_1m' });
  expect(ask(400 * day, 10, 100_000)).toMatchObject({ form: 'summaries', level: 'sample_1h' });
  expect(ask(4_000 * day, 10, 100_000)).toMatchObject({ form: 'summaries', level: 'sample_1d' });
});

test('points are whole, cover the range, and are at most one more than asked for', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 * day }),
      fc.integer({ min: 0, max: 1e9 }),
      fc.integer({ min: 2, max: 20_000 }),
      (rangeUs, samples, maxPoints) => {
        const plan = ask(rangeUs, samples, maxPoints);
        if (plan.form === 'samples') return;
        expect(plan.from).toBeLessThanOrEqual(now - rangeUs);
        expect(plan.to).toBeGreaterThanOrEqual(now);
        expect(Math.ceil((plan.to - plan.from) / plan.pointUs)).toBeLessThanOrEqual(maxPoints + 1);
      },
    ),
  );
});
