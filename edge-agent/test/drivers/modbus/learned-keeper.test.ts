/** Hours of a serial line in seconds: how often the medium is written for what was learned, and what the next start makes of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { modelLine, useModelClock } from './model-bus.ts';
import { readModelLine } from './model-line.ts';
import { words } from './rig.ts';

beforeEach(useModelClock);
afterEach(() => {
  vi.useRealTimers();
});

const minuteMs = 60_000;
const meter = { device: 'meter', unit: 1, link: modelLine, everyMs: 5_000, timeoutMs: 500, tags: words(0, 1, 2, 3) };
const missing = new Set([2]);
const newFile = (): string => join(temporaryFolder(), 'learned', 'g.json');

test('an address that is refused for hours is written down a few times, and no more once the pauses are at their longest', async () => {
  const file = newFile();
  const { writes } = await readModelLine([meter], { missing }, 180 * minuteMs, file);
  // After a minute; after eleven, with what a unit takes to answer and the pauses that have grown; and when these grow no more.
  expect(writes).toBeGreaterThanOrEqual(2);
  expect(writes).toBeLessThanOrEqual(4);
  expect(JSON.parse(readFileSync(file, 'utf8')).refusals).toMatchObject([{ unit: 1, refused: [{ first: 2 }] }]);
});

test('a minute after the start is early enough to be kept where the agent is killed', async () => {
  const file = newFile();
  const { writes } = await readModelLine([meter], { missing }, minuteMs + 1_000, file);
  expect(writes).toBe(1);
});

test('a unit that takes longer to answer all the time is written down every ten minutes at most', async () => {
  const thinkMsOf = (_unit: number, atMs: number): number => 20 + atMs / 6_000;
  const { writes } = await readModelLine([{ ...meter, everyMs: 1_000 }], { thinkMsOf }, 60 * minuteMs, newFile());
  expect(writes).toBeGreaterThanOrEqual(4);
  expect(writes).toBeLessThanOrEqual(7);
});

test('where nothing was refused and nothing is known of answers, nothing is written', async () => {
  const { writes } = await readModelLine([{ ...meter, everyMs: 30_000 }], {}, 3 * minuteMs, newFile());
  expect(writes).toBe(0);
});

test('on a serial line too the first requests after a restart leave out what was refused', async () => {
  const file = newFile();
  await readModelLine([meter], { missing }, 2 * minuteMs, file);
  useModelClock();
  const { asked } = await readModelLine([meter], { missing }, 4_000, file);
  expect(asked.map(({ first, count }) => [first, count])).toEqual([
    [0, 2],
    [3, 1],
  ]);
});
