import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PollRequest } from '../../src/drivers/driver.ts';
import { advance, DueQueue, timetable } from '../../src/poller/timetable.ts';

const request = (everyMs: number, link = 'link'): PollRequest => ({ link, name: 'r', everyMs, read: async () => [] });
const duesOf = (periods: number[], startMs = 0): number[] =>
  timetable(
    periods.map((everyMs) => request(everyMs)),
    startMs,
  ).map(({ dueMs }) => dueMs);

describe('the timetable', () => {
  test('spreads requests of the same period over it', () => {
    expect(duesOf([1_000, 1_000, 1_000, 1_000], 70)).toEqual([70, 320, 570, 820]);
    expect(duesOf([200, 1_000, 200])).toEqual([0, 0, 100]);
  });

  test('gives every request a first turn within a second, however long its period', () => {
    const [first, second] = timetable([request(3_600_000), request(3_600_000)], 0);
    if (first === undefined || second === undefined) throw new Error('two entries');
    expect(second.dueMs).toBe(500);
    expect(advance(second, 600)).toBe(0);
    expect(second.dueMs, 'then it takes its place in the period').toBe(1_800_000 + 3_600_000);
    advance(first, 10);
    expect(first.dueMs).toBe(3_600_000);
  });
});

describe('advance', () => {
  const entryAt = (dueMs: number, everyMs = 100) => ({ request: request(everyMs), phaseMs: 0, dueMs });

  test('counts from the turn, not from when it was read: nothing drifts', () => {
    const entry = entryAt(100);
    expect(advance(entry, 137)).toBe(0);
    expect(entry.dueMs).toBe(200);
  });

  test('a late turn is read late, and only those before it are missed', () => {
    const entry = entryAt(100);
    expect(advance(entry, 430)).toBe(2);
    expect(entry.dueMs).toBe(400);
  });

  test('keeps to its grid for ever, whatever the period', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { maxLength: 50 }),
        (everyMs, others, readTakesPeriods) => {
          const entry = timetable(Array(others).fill(request(everyMs)), 12.345).at(-1);
          if (entry === undefined) throw new Error('an entry');
          advance(entry, entry.dueMs);
          let turns = 0;
          const firstMs = entry.dueMs;
          for (const periods of readTakesPeriods) {
            const beganMs = entry.dueMs;
            turns += 1 + advance(entry, beganMs + periods * everyMs);
            expect(entry.dueMs).toBeGreaterThan(beganMs);
          }
          expect(entry.dueMs).toBeCloseTo(firstMs + turns * everyMs, 3);
        },
      ),
    );
  });
});

test('the queue always gives the entry that is due first', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(50), { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(60), { maxLength: 80 }),
      (dues, delays) => {
        const entries = dues.map((dueMs) => ({ request: request(10), phaseMs: 0, dueMs }));
        const queue = new DueQueue(entries);
        for (const delay of delays) {
          const first = queue.first;
          expect(first?.dueMs).toBe(Math.min(...entries.map(({ dueMs }) => dueMs)));
          if (first !== undefined) first.dueMs += delay;
          queue.sinkFirst();
        }
      },
    ),
  );
});
