import { systemClock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { onGrid } from '../src/grid.ts';

test('every tick is a whole multiple of the interval, and none is said twice', async () => {
  const ticks: number[] = [];
  const grid = onGrid(20, systemClock, (timeMs) => ticks.push(timeMs));
  await waitFor(() => ticks.length >= 5, { what: 'five ticks' });
  grid.stop();
  expect(ticks.every((tick) => tick % 20 === 0)).toBe(true);
  expect([...new Set(ticks)].toSorted((a, b) => a - b)).toEqual(ticks);
});

test('a clock that is set back begins a new grid instead of waiting for the old one', async () => {
  let shiftMs = 0;
  const ticks: number[] = [];
  const clock = { ...systemClock, now: () => systemClock.now() + shiftMs * 1_000 };
  const grid = onGrid(20, clock, (timeMs) => ticks.push(timeMs));
  await waitFor(() => ticks.length >= 1, { what: 'a tick' });
  shiftMs = -3_600_000;
  const before = ticks.length;
  await waitFor(() => ticks.length >= before + 3, { what: 'ticks on the new grid' });
  grid.stop();
  expect(ticks.at(-1)).toBeLessThan(Date.now() - 3_000_000);
});
