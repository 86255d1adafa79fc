import { expect, test } from 'vitest';
import type { BenchmarkContext } from '../../../bench/benchmark.ts';
import { inTurns, medianRate, medianRatio } from '../../../bench/ingest/in-turns.ts';

const context = (signal = new AbortController().signal): BenchmarkContext => ({
  root: '.',
  folder: '.',
  short: true,
  signal,
  say: () => {},
});
const timed = (rows: number, seconds: number) => ({ rows, seconds });

test('measurements take turns, and each round begins with another', async () => {
  const order: string[] = [];
  const step = (name: string) => async () => void order.push(name);
  await inTurns(context(), 3, [step('a'), step('b')]);
  expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
});

test('a run that is stopped measures nothing more', async () => {
  const stop = new AbortController();
  let measured = 0;
  const running = inTurns(context(stop.signal), 5, [
    async () => {
      measured += 1;
      stop.abort();
    },
  ]);
  await expect(running).rejects.toThrow('stopped');
  expect(measured).toBe(1);
});

test('a ratio is that of each round, so that a slow round spoils neither side', () => {
  // The machine was four times slower in the second round, and the measurement itself bad in the third.
  const ours = [timed(80, 1), timed(20, 1), timed(10, 1)];
  const theirs = [timed(100, 1), timed(25, 1), timed(100, 1)];
  expect(medianRatio(ours, theirs)).toBeCloseTo(0.8);
  expect(medianRatio(ours, [])).toBeNaN();
  expect(medianRate([timed(10, 2), timed(10, 1), timed(10, 4)])).toBe(5);
});
