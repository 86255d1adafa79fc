import { expect, test } from 'vitest';
import { FetchTrust } from '../../../src/backbone/kafka/fetch-trust.ts';
import { FetchWatch } from '../../../src/backbone/kafka/fetch-watch.ts';

const at = (next: number, end: number) => [{ partition: 0, next, end }];

test('a partition of which nothing comes although its log goes on is stalled, then lost', () => {
  const watch = new FetchWatch(1_000);
  expect(watch.look(at(5, 9), 0)).toBe('flowing');
  expect(watch.look(at(5, 20), 900)).toBe('flowing');
  expect(watch.look(at(5, 30), 1_000)).toBe('stalled');
  expect(watch.look(at(5, 40), 1_900)).toBe('flowing');
  expect(watch.look(at(5, 50), 2_000)).toBe('lost');
});

test('one that stands still while others go on is never more than stalled', () => {
  const watch = new FetchWatch(1_000);
  const states = Array.from({ length: 8 }, (_, n) =>
    watch.look([...at(5, 9), { partition: 1, next: n, end: 100 }], n * 500),
  );
  expect(states.filter((state) => state === 'stalled')).toHaveLength(3);
  expect(states).not.toContain('lost');
});

test('one that is read to its end, that goes on, or of which nothing is wanted, is not', () => {
  const watch = new FetchWatch(1_000);
  for (let nowMs = 0; nowMs <= 5_000; nowMs += 500) expect(watch.look(at(5, 5), nowMs)).toBe('flowing');
  for (let nowMs = 0; nowMs <= 5_000; nowMs += 500) expect(watch.look(at(nowMs, 9_000), nowMs)).toBe('flowing');
  watch.look(at(5, 9), 6_000);
  watch.reset();
  expect(watch.look(at(5, 9), 9_000)).toBe('flowing');
});

test('after a stall, what comes clears it', () => {
  const watch = new FetchWatch(1_000);
  watch.look(at(5, 9), 0);
  expect(watch.look(at(5, 9), 1_000)).toBe('stalled');
  watch.look(at(6, 9), 1_500);
  expect(watch.look(at(6, 9), 2_400)).toBe('flowing');
  expect(watch.look(at(6, 9), 2_500)).toBe('stalled');
});

test('a fetch is doubted that follows no fetch, one without an end, a pause, or a lost connection', () => {
  let lost = 0;
  const trust = new FetchTrust(() => lost);
  expect(trust.isDoubtful('1', 0)).toBe(true);
  trust.endedWell('1', 100);
  expect(trust.isDoubtful('1', 100)).toBe(false);
  expect(trust.isDoubtful('1', 200)).toBe(true);
  trust.endedWell('1', 300);
  expect(trust.isDoubtful('1', 5_000)).toBe(true);
  trust.endedWell('1', 5_100);
  lost += 1;
  expect(trust.isDoubtful('1', 5_100)).toBe(true);
  trust.endedWell('1', 5_200);
  expect(trust.isDoubtful('1', 5_200)).toBe(false);
});
