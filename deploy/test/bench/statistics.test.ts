import { expect, test } from 'vitest';
import { quantileOfBuckets, since } from '../../bench/statistics.ts';

const infinity = Number.POSITIVE_INFINITY;
const bucketsOf = (...counts: readonly number[]) =>
  [1, 2, 4, infinity].map((most, index) => ({ most, count: counts[index] ?? 0 }));

test('a quantile of a histogram lies in its bucket in proportion; beyond the last bound it is that bound', () => {
  const buckets = bucketsOf(50, 90, 98, 100);
  expect(quantileOfBuckets(buckets, 0.25)).toBe(0.5);
  expect(quantileOfBuckets(buckets, 0.5)).toBe(1);
  expect(quantileOfBuckets(buckets, 0.94)).toBe(3);
  expect(quantileOfBuckets(buckets, 0.99)).toBe(4);
  expect(quantileOfBuckets(bucketsOf(0, 0, 8, 8), 0.5)).toBe(3);
  expect(quantileOfBuckets([], 0.5)).toBeNaN();
  expect(quantileOfBuckets(bucketsOf(), 0.5)).toBeNaN();
});

test('what was counted before is left out', () => {
  expect(since(bucketsOf(50, 50, 50, 50), bucketsOf(50, 60, 60, 60))).toEqual(bucketsOf(0, 10, 10, 10));
});
