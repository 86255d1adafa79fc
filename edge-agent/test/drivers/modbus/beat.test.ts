import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBeat } from '../../../src/drivers/modbus/beat.ts';

const start = 1_700_000_000_000_000;
const second = 1_000_000;
const halfRoundTrip = 300;

/** Times given to replies in the middle of their round trips at these µs after `start`. */
function timesOf(middles: readonly number[], toleranceMs = 10, everyMs = 1_000): number[] {
  const beat = createBeat(everyMs, toleranceMs);
  return middles.map((middle) => beat(start + middle, start + middle + halfRoundTrip) - start);
}

describe('the beat of a request', () => {
  test('is taken by replies that come near it', () => {
    expect(timesOf([0, second + 900, 2 * second + 3_000, 4 * second - 200])).toEqual([
      0,
      second,
      2 * second,
      4 * second,
    ]);
  });

  test('without a tolerance every sample has the middle of its round trip', () => {
    const middles = [0, second + 1, 2 * second - 1, 3 * second + 900];
    expect(timesOf(middles, 0)).toEqual(middles);
  });

  test('a reply that is late for once keeps its own time, and the next is on the beat', () => {
    expect(timesOf([0, second + 40_000, 2 * second + 700])).toEqual([0, second + 40_000, 2 * second]);
  });

  test('replies that stay late set a new beat: the wall clock was set', () => {
    const ahead = [1, 2, 3].map((turn) => turn * second + 40_000);
    expect(timesOf([0, ...ahead, 4 * second + 41_000])).toEqual([0, ...ahead, 4 * second + 40_000]);
  });

  test('is set back with the clock', () => {
    expect(timesOf([0, -3_600 * second, -3_599 * second + 800])).toEqual([0, -3_600 * second, -3_599 * second]);
  });

  test('nothing is stamped later than its reply was here: an earlier reply sets an earlier beat', () => {
    expect(timesOf([1_500, second, 2 * second + 1_500])).toEqual([1_500, second, 2 * second]);
  });

  test('times rise as replies do, none is moved by more than the tolerance, none to after its reply', () => {
    const everyMs = 100;
    const toleranceMs = 25;
    const turn = fc.record({
      /** Of the period, after the end of the turn before: a link that was busy is late, and then on time again. */
      pauseMicros: fc.oneof(fc.constant(100_000), fc.integer({ min: 1, max: 150_000 })),
      jitterMicros: fc.integer({ min: 0, max: 30_000 }),
      halfMicros: fc.integer({ min: 1, max: 20_000 }),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 60 }), (turns) => {
        const beat = createBeat(everyMs, toleranceMs);
        let last = 0;
        let end = start;
        for (const { pauseMicros, jitterMicros, halfMicros } of turns) {
          const middle = end + pauseMicros + jitterMicros + halfMicros;
          end = middle + halfMicros;
          const time = beat(middle, end);
          expect(time).toBeGreaterThan(last);
          expect(Math.abs(time - middle)).toBeLessThanOrEqual(toleranceMs * 1_000);
          expect(time).toBeLessThanOrEqual(end);
          last = time;
        }
      }),
    );
  });
});
