import type { TagClass } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Agenda } from '../../src/poller/agenda.ts';
import { advance, type Entry } from '../../src/poller/timetable.ts';

const entry = (name: string, dueMs: number, everyMs: number, tagClass: TagClass = 'process'): Entry => ({
  request: { link: 'link', name, everyMs, class: tagClass, read: async () => [] },
  phaseMs: dueMs,
  ...{ dueMs, againMs: null, isNew: false },
});
const nameOf = (taken: Entry | undefined): string | undefined => taken?.request.name;
const takeAll = (agenda: Agenda, nowMs: number): (string | undefined)[] => {
  const names: (string | undefined)[] = [];
  for (let next = agenda.take(nowMs); next !== undefined; next = agenda.take(nowMs)) names.push(nameOf(next));
  return names;
};

test('nothing is taken before its turn', () => {
  const agenda = new Agenda([entry('a', 20, 100), entry('b', 10, 100)]);
  expect(agenda.take(9)).toBe(undefined);
  expect(agenda.nextDueMs).toBe(10);
  expect(nameOf(agenda.take(10))).toBe('b');
  expect(agenda.take(10)).toBe(undefined);
  expect(agenda.entries.map(nameOf)).toEqual(['a']);
  expect(agenda.isEmpty).toBe(false);
});

test('within a class the request goes first whose next turn comes first', () => {
  const agenda = new Agenda([entry('slow', 0, 1_000), entry('quick', 50, 100), entry('slower', 10, 5_000)]);
  expect(takeAll(agenda, 60)).toEqual(['quick', 'slow', 'slower']);
});

test('of all whose turn has come the higher class goes first', () => {
  const classes = ['debug', 'process', 'alarm', 'energy'] as const;
  const agenda = new Agenda(classes.map((tagClass, n) => entry(tagClass, n, 100, tagClass)));
  expect(takeAll(agenda, 10)).toEqual(['alarm', 'energy', 'process', 'debug']);
});

describe('where higher classes take all of the time', () => {
  /** Reads without a pause until the end; gives the time that each request had, and how long it was without a read at most, up to the end. */
  function run(entries: readonly Entry[], costMs: (name: string) => number, untilMs: number) {
    const agenda = new Agenda(entries);
    const had = new Map<string, number>();
    const lastMs = new Map<string, number>();
    const longestMs = new Map<string, number>();
    for (let nowMs = 0; nowMs < untilMs; ) {
      const taken = agenda.take(nowMs);
      if (taken === undefined) {
        nowMs = agenda.nextDueMs;
        continue;
      }
      const { name } = taken.request;
      longestMs.set(name, Math.max(longestMs.get(name) ?? 0, nowMs - (lastMs.get(name) ?? 0)));
      lastMs.set(name, nowMs);
      const tookMs = costMs(name);
      had.set(name, (had.get(name) ?? 0) + tookMs);
      advance(taken, nowMs, nowMs + tookMs);
      nowMs += tookMs;
      agenda.took(taken, tookMs);
      agenda.add(taken);
    }
    for (const { request } of entries) {
      const openMs = untilMs - (lastMs.get(request.name) ?? 0);
      longestMs.set(request.name, Math.max(longestMs.get(request.name) ?? 0, openMs));
    }
    return { had, longestMs };
  }

  test('a lower class has a twentieth of it, and waits a bounded time', () => {
    const cost = fc.integer({ min: 10, max: 400 });
    fc.assert(
      fc.property(cost, cost, (alarmMs, debugMs) => {
        const entries = [entry('alarm', 0, 10, 'alarm'), entry('debug', 0, 10, 'debug')];
        const untilMs = 600_000;
        const { had, longestMs } = run(entries, (name) => (name === 'alarm' ? alarmMs : debugMs), untilMs);
        // 20 s until what it may be owed at the beginning is spent.
        expect(longestMs.get('debug')).toBeLessThanOrEqual(20_000 + 20 * (debugMs + alarmMs));
        expect(had.get('debug')).toBeGreaterThanOrEqual(0.05 * (untilMs - 20_000) - debugMs - alarmMs);
        expect(had.get('debug')).toBeLessThanOrEqual(0.05 * untilMs + debugMs + alarmMs);
      }),
      { numRuns: 40 },
    );
  });

  test('a lower class does not wait longer for the time that it had while it was alone', () => {
    const entries = [entry('debug', 0, 10, 'debug'), entry('alarm', 600_000, 10, 'alarm')];
    const { longestMs } = run(entries, () => 100, 1_200_000);
    expect(longestMs.get('debug')).toBeLessThanOrEqual(20_000 + 20 * 200);
  });

  test('what they leave is shared alike, and the higher ones lose nothing by it', () => {
    const lower = Array.from({ length: 9 }, (_, n) => entry(`p${n}`, 0, 100));
    const { had } = run([entry('alarm', 0, 100, 'alarm'), ...lower], () => 40, 60_000);
    expect(had.get('alarm')).toBe(600 * 40);
    const shares = lower.map(({ request }) => had.get(request.name) ?? 0);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(40);
    expect(shares.reduce((sum, share) => sum + share)).toBeGreaterThanOrEqual(60_000 - 600 * 40 - 100);
  });
});
