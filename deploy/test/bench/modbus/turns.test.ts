import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetRequest } from '../../../bench/modbus/fleet.ts';
import { turnsOf } from '../../../bench/modbus/turns.ts';

const everyMs = 500;
const ms = 1_000;
const start = 1_700_000_000_000_000;

/** A request at each of these times, in ms after the start. */
const logOf = (device: string, timesMs: readonly number[]): FleetRequest[] =>
  timesMs.map((timeMs) => [device, start + timeMs * ms, 30]);
const onGrid = (turns: number, phaseMs = 0): number[] => Array.from({ length: turns }, (_, n) => phaseMs + n * everyMs);

describe('the turns that the log of the devices shows', () => {
  it('are those that lie whole in it, each with its request', () => {
    const log = [...logOf('a', onGrid(21)), ...logOf('b', onGrid(20, 240))];
    // From 0 to 10,000 ms: of a, the first turn began before the log and the last is not over; of b, the last is not over either.
    expect(turnsOf(log, everyMs)).toEqual({ due: 38, missed: 0, requests: 38, besideMs: Array(38).fill(0) });
  });

  it('have a request that is late, up to three quarters of a period, in its own turn and not in the next', () => {
    const times = onGrid(20);
    times[7] = 7 * everyMs + 370;
    const { missed, requests, due, besideMs } = turnsOf(logOf('a', times), everyMs);
    expect([missed, requests - due]).toEqual([0, 0]);
    expect(Math.max(...besideMs)).toBe(370);
  });

  it('are found where the first request is half a period late', () => {
    const times = onGrid(20).map((time, n) => time + (n % 5));
    times[0] = 252;
    times[9] = 9 * everyMs + 360;
    const { missed, requests, due } = turnsOf(logOf('a', times), everyMs);
    expect([missed, requests - due]).toEqual([0, 0]);
  });

  it('are missed where nobody asked', () => {
    const { missed, due, requests } = turnsOf(logOf('a', onGrid(20).toSpliced(5, 3)), everyMs);
    expect([missed, due - requests]).toEqual([3, 3]);
  });

  it('show a request too many', () => {
    const times = [...onGrid(20), 3 * everyMs + 10, 8 * everyMs + 300].sort((one, other) => one - other);
    const { missed, due, requests } = turnsOf(logOf('a', times), everyMs);
    expect([missed, requests - due]).toEqual([0, 2]);
  });

  it('lie on a grid that half of the requests come before, so a common delay is not in the figures', () => {
    const times = onGrid(40).map((time, n) => time + 20 + (n % 2));
    const { besideMs } = turnsOf(logOf('a', times), everyMs);
    expect(Math.max(...besideMs)).toBeLessThanOrEqual(1);
  });

  it('are counted alike whatever is late, as long as each is asked once within its turn', () => {
    const late = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 360 })), {
      minLength: 10,
      maxLength: 60,
    });
    fc.assert(
      fc.property(late, fc.integer({ min: 0, max: 499 }), (lateByMs, phaseMs) => {
        // Most are on time: else nobody knows where the grid lies.
        const times = lateByMs.map((late, n) => phaseMs + n * everyMs + (n % 3 === 0 ? late : Math.min(late, 5)));
        const { due, missed, requests } = turnsOf(logOf('a', times), everyMs);
        expect(missed).toBe(0);
        expect(requests).toBe(due);
        expect(due).toBeGreaterThanOrEqual(lateByMs.length - 3);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are none in a log that is shorter than one', () => {
    expect(turnsOf(logOf('a', [0]), everyMs)).toEqual({ due: 0, missed: 0, requests: 0, besideMs: [] });
  });
});
