import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSleeper } from '../../src/poller/sleeper.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('all that sleep until the same moment wake by one timer, the others by theirs', async () => {
  const sleeper = createSleeper();
  const woken: string[] = [];
  const sleep = (name: string, untilMs: number): void => void sleeper.sleep(untilMs, 100).then(() => woken.push(name));
  sleep('a', 150);
  sleep('b', 150.2);
  sleep('c', 175);
  expect(vi.getTimerCount()).toBe(2);
  await vi.advanceTimersByTimeAsync(50);
  expect(woken).toEqual(['a', 'b']);
  sleep('d', 150);
  await vi.advanceTimersByTimeAsync(50);
  expect(woken, 'a moment that has been is not kept').toEqual(['a', 'b', 'c', 'd']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a sleep that is longer than a timer can be ends early, and not at once', async () => {
  const sleeper = createSleeper();
  let ended = false;
  void sleeper.sleep(3_000_000_000, 0).then(() => {
    ended = true;
  });
  await vi.advanceTimersByTimeAsync(2_000_000_000);
  expect(ended).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000_000_000);
  expect(ended).toBe(true);
});

test('once all have been woken nobody sleeps any more, and no timer is left', async () => {
  const sleeper = createSleeper();
  const sleeps = [sleeper.sleep(1_000, 0), sleeper.sleep(2_000, 0)];
  sleeper.wakeAll();
  await Promise.all([...sleeps, sleeper.sleep(3_000, 0)]);
  expect(vi.getTimerCount()).toBe(0);
});
