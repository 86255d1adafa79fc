import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PollRequest } from '../../src/drivers/driver.ts';
import { advance, timetable } from '../../src/poller/timetable.ts';

const request = (everyMs: number, link = 'link'): PollRequest => ({
  link,
  name: 'r',
  everyMs,
  class: 'process',
  read: async () => [],
});
const duesOf = (periods: number[], startMs = 0): number[] =>
  timetable(
    periods.map((everyMs) => request(everyMs)),
    startMs,
  ).map(({ dueMs }) => dueMs);

describe('the timetable', () => {
  test('spreads requests of the same period over it', () => {
    expect(duesOf([1_000, 1_000, 1_000, 1_000], 70)).toEqual([70, 300, 550, 800]);
    expect(duesOf([200, 1_000, 200])).toEqual([0, 0, 100]);
  });

  test('lets those that come close to each other share a moment, so that the machine is woken once for them', () => {
    const dues = duesOf(Array(500).fill(1_000));
    expect(new Set(dues).size).toBe(20);
    expect(dues.filter((dueMs) => dueMs === 950)).toHaveLength(25);
    expect(
      timetable([request(1_000)], 1_234).map(({ phaseMs }) => phaseMs),
      'one that comes later too',
    ).toEqual([1_200]);
    expect(new Set(duesOf([20, 20, 20])), 'also where the period is shorter').toEqual(new Set([0]));
  });

  test('gives every request a first turn within a second, however long its period', () => {
    const [first, second] = timetable([request(3_600_000), request(3_600_000)], 0);
    if (first === undefined || second === undefined) throw new Error('two entries');
    expect(second.dueMs).toBe(500);
    expect(advance(second, 500, 600)).toBe(0);
    expect(second.dueMs, 'then it takes its place in the period').toBe(1_800_000 + 3_600_000);
    advance(first, 0, 10);
    expect(first.dueMs).toBe(3_600_000);
  });
});

describe('advance', () => {
  const entryAt = (dueMs: number, everyMs = 100) => ({
    ...{ request: request(everyMs), phaseMs: 0, dueMs },
    againMs: null,
    isNew: false,
  });

  test('counts from the turn, not from when it was read: nothing drifts', () => {
    const entry = entryAt(100);
    expect(advance(entry, 100, 137)).toBe(0);
    expect(entry.dueMs).toBe(200);
  });

  test('a late turn is read late, and only those before it are missed', () => {
    const entry = entryAt(100);
    expect(advance(entry, 100, 430)).toBe(2);
    expect(entry.dueMs).toBe(400);
  });

  test('a read that is begun whole periods late serves the turn that has come last: none follows at once', () => {
    const entry = entryAt(100);
    expect(advance(entry, 330, 340), 'nobody read at 100 and 200').toBe(2);
    expect(entry.dueMs).toBe(400);
  });

  test('keeps to its grid for ever, whatever the period', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(fc.tuple(...[0, 1].map(() => fc.double({ min: 0, max: 5, noNaN: true }))), { maxLength: 50 }),
        (everyMs, others, reads) => {
          const entry = timetable(Array(others).fill(request(everyMs)), 12.345).at(-1);
          if (entry === undefined) throw new Error('an entry');
          advance(entry, entry.dueMs, entry.dueMs);
          let turns = 0;
          const firstMs = entry.dueMs;
          for (const [lateBy = 0, takes = 0] of reads) {
            const { dueMs } = entry;
            const begunMs = dueMs + lateBy * everyMs;
            turns += 1 + advance(entry, begunMs, begunMs + takes * everyMs);
            expect(entry.dueMs).toBeGreaterThan(dueMs);
          }
          expect(entry.dueMs).toBeCloseTo(firstMs + turns * everyMs, 3);
        },
      ),
    );
  });
});
