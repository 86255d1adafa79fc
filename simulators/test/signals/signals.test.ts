import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Signal, signalSchema } from '@fieldline/shared/config';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seedOfName } from '../../src/signals/random.ts';
import { valueAt } from '../../src/signals/signal.ts';

const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
/** From before the epoch to the year 2100, to the µs. */
const times = fc.integer({ min: -1e15, max: 4.1e15 }).map((micros) => micros / 1_000);
const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const periods = fc.integer({ min: 1, max: 86_400_000 });

const folder = temporaryFolder();
const signal = (input: unknown): Signal => signalSchema.parse(input);
const numberAt = (input: unknown, seed: number, timeMs: number): number => {
  const value = valueAt(signal(input), seed, timeMs);
  if (typeof value !== 'number') throw new Error(`${String(value)} is not a number`);
  return value;
};

const walks = fc
  .record({ start: finite, step: fc.double({ min: 0.001, max: 100, noNaN: true }), one: finite, other: finite })
  .map(({ start, step, one, other }) => ({
    kind: 'random-walk',
    start,
    step,
    minimum: Math.min(one, other),
    maximum: Math.max(one, other),
  }));
const noises = fc.record({
  kind: fc.constant('noise'),
  mean: finite,
  deviation: fc.double({ min: 0, max: 1e3, noNaN: true }),
});
const anySignal = fc.oneof(
  walks,
  noises,
  fc.record({ kind: fc.constant('ramp'), from: finite, to: finite, periodMs: periods }),
  fc.record({ kind: fc.constant('sine'), mean: finite, amplitude: finite, periodMs: periods }),
  fc.record({ kind: fc.constant('square'), low: finite, high: finite, periodMs: periods }),
  fc.record({ kind: fc.constant('counter'), start: fc.integer(), perStep: fc.integer({ min: -1e6, max: 1e6 }) }),
);

describe('every signal', () => {
  test('is the same at a time however often and in whatever order it is asked', () => {
    fc.assert(
      fc.property(anySignal, seeds, times, times, (input, seed, first, second) => {
        const one = signal(input);
        const before = valueAt(one, seed, first);
        valueAt(one, seed, second);
        expect(valueAt(signal(input), seed, first)).toEqual(before);
      }),
    );
  });
});

describe('waves', () => {
  test('a ramp begins each period at `from` and stays between its ends', () => {
    const ramp = { kind: 'ramp', from: 20, to: -5, periodMs: 1_000 };
    expect(numberAt(ramp, 0, 7_000)).toBe(20);
    expect(numberAt(ramp, 0, 7_500)).toBe(7.5);
    fc.assert(fc.property(times, (time) => Math.abs(numberAt(ramp, 0, time) - 7.5) <= 12.5));
  });

  test('a sine is at its mean at the beginning of a period and at its top after a quarter', () => {
    const sine = { kind: 'sine', mean: 10, amplitude: 4, periodMs: 8_000 };
    expect(numberAt(sine, 0, 16_000)).toBeCloseTo(10, 12);
    expect(numberAt(sine, 0, 18_000)).toBeCloseTo(14, 12);
    expect(numberAt({ ...sine, phase: 0.5 }, 0, 18_000)).toBeCloseTo(6, 12);
  });

  test('a square is high for its duty and low for the rest', () => {
    const square = { kind: 'square', low: 1, high: 3, periodMs: 1_000, duty: 0.25 };
    expect([0, 249, 250, 999, 1_000].map((time) => numberAt(square, 0, time))).toEqual([3, 3, 1, 1, 3]);
  });
});

describe('noise', () => {
  test('is bounded by four deviations', () => {
    fc.assert(
      fc.property(noises, seeds, times, (input, seed, time) => {
        const { mean, deviation } = input;
        expect(Math.abs(numberAt(input, seed, time) - mean)).toBeLessThanOrEqual(4 * deviation + 1e-9 * Math.abs(mean));
      }),
    );
  });

  test('has the mean and the deviation that it is set to', () => {
    const values = Array.from({ length: 20_000 }, (_, step) =>
      numberAt({ kind: 'noise', mean: 50, deviation: 2 }, 7, step * 1_000),
    );
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    expect(mean).toBeCloseTo(50, 1);
    expect(deviation).toBeGreaterThan(1.9);
    expect(deviation).toBeLessThan(2.1);
  });

  test('stays as it is within a step and is another in the next', () => {
    const noise = { kind: 'noise', mean: 0, deviation: 1, stepMs: 500 };
    expect(numberAt(noise, 1, 10_499.999)).toBe(numberAt(noise, 1, 10_000));
    expect(numberAt(noise, 1, 10_500)).not.toBe(numberAt(noise, 1, 10_000));
  });

  test('differs from seed to seed, also where seeds differ only beyond 32 bits', () => {
    const noise = { kind: 'noise', mean: 0, deviation: 1 };
    fc.assert(
      fc.property(
        seeds,
        seeds,
        times,
        (a, b, time) => a === b || numberAt(noise, a, time) !== numberAt(noise, b, time),
      ),
    );
    expect(numberAt(noise, 1, 0)).not.toBe(numberAt(noise, 1 + 2 ** 32, 0));
  });
});

describe('random walk', () => {
  test('stays within its limits', () => {
    fc.assert(
      fc.property(walks, seeds, times, (input, seed, time) => {
        const value = numberAt(input, seed, time);
        expect(value).toBeGreaterThanOrEqual(input.minimum);
        expect(value).toBeLessThanOrEqual(input.maximum);
      }),
    );
  });

  test('moves by at most one step at a time', () => {
    fc.assert(
      fc.property(walks, seeds, times, (input, seed, time) => {
        const move = Math.abs(numberAt(input, seed, time + 1_000) - numberAt(input, seed, time));
        expect(move).toBeLessThanOrEqual(input.step * (1 + 1e-6) + 1e-6);
      }),
    );
  });

  test('visits most of its range in time', () => {
    const walk = { kind: 'random-walk', start: 50, step: 1, minimum: 0, maximum: 100 };
    const values = Array.from({ length: 5_000 }, (_, index) => numberAt(walk, 3, index * 100_000));
    expect(Math.min(...values)).toBeLessThan(10);
    expect(Math.max(...values)).toBeGreaterThan(90);
  });

  test('differs from seed to seed', () => {
    const walk = { kind: 'random-walk', start: 50, step: 1, minimum: 0, maximum: 100 };
    const values = new Set(Array.from({ length: 100 }, (_, seed) => numberAt(walk, seed, 1_000_000)));
    expect(values.size).toBe(100);
  });
});

describe('counter', () => {
  const since = '2026-01-01T00:00:00Z';
  test('counts exactly beyond 2^53', () => {
    const counter = signal({ kind: 'counter', start: '9007199254740993', perStep: 2, since });
    expect(valueAt(counter, 0, Date.parse(since) + 3_500)).toBe(9007199254740999n);
  });

  test('counts backwards before its beginning', () => {
    const counter = signal({ kind: 'counter', start: 10, perStep: 1, since });
    expect(valueAt(counter, 0, Date.parse(since) - 1)).toBe(9n);
  });
});

describe('replay', () => {
  const file = join(folder, 'replay.csv');
  writeFileSync(file, '# level,mode,total\n1.5,AUTO,9007199254740993\n-2,MANUAL,2\n\n3e2,"x",3\n');
  const replay = (column: number): Signal => signal({ kind: 'replay', file, column, stepMs: 1_000 });

  test('plays a column line by line, from the beginning again after the last', () => {
    expect([0, 1_000, 2_999, 3_000, -1].map((time) => valueAt(replay(0), 0, time))).toEqual([1.5, -2, 300, 1.5, 300]);
    expect([0, 1_000].map((time) => valueAt(replay(1), 0, time))).toEqual(['AUTO', 'MANUAL']);
  });

  test('keeps integers that a number cannot hold as text', () => {
    expect(valueAt(replay(2), 0, 0)).toBe('9007199254740993');
  });

  test('names the line that has no such column, and the file that is not there', () => {
    expect(() => valueAt(replay(3), 0, 0)).toThrow(`${file}:2: has no column 3`);
    const missing = join(folder, 'missing.csv');
    expect(() => valueAt(signal({ kind: 'replay', file: missing }), 0, 0)).toThrow(missing);
  });
});

test('the seed of a name depends on the plant, the name and every letter of it', () => {
  const seedsOfNames = [
    seedOfName(1, 'a/1/x'),
    seedOfName(2, 'a/1/x'),
    seedOfName(1, 'a/1/y'),
    seedOfName(1, 'a/11/x'),
  ];
  expect(new Set(seedsOfNames).size).toBe(4);
  expect(seedOfName(1, 'a/1/x')).toBe(seedsOfNames[0]);
});
