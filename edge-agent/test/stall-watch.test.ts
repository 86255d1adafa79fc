import { createMetrics, systemClock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { StallWatch } from '../src/stall-watch.ts';

const hold = (ms: number): void => {
  const until = performance.now() + ms;
  while (performance.now() < until) Math.sqrt(until);
};

test('an event loop that is held up is known to have been free until a beat before, and told by a histogram', async () => {
  const metrics = createMetrics();
  const stalls = new StallWatch(systemClock, metrics);
  onTestFinished(() => stalls.close());
  const beats = async (most: string): Promise<number> => {
    const [, count] = new RegExp(`_event_loop_delay_seconds_bucket\\{le="${most.replace('+', '\\+')}"\\} (\\d+)`).exec(
      await metrics.text(),
    ) ?? ['', '-1'];
    return Number(count);
  };
  await waitFor(async () => (await beats('+Inf')) >= 3, { what: 'three beats' });
  const lateBefore = (await beats('+Inf')) - (await beats('0.2'));
  const heldAtMs = systemClock.monotonicMs();
  hold(600);
  const sinceMs = stalls.heldSinceMs(heldAtMs - 10_000) ?? 0;
  expect(sinceMs).toBeGreaterThan(heldAtMs - 500);
  expect(sinceMs).toBeLessThanOrEqual(heldAtMs);
  expect(stalls.heldSinceMs(heldAtMs + 400)).toBe(heldAtMs + 400);
  expect(stalls.heldSinceMs(systemClock.monotonicMs())).toBeNull();
  await waitFor(async () => (await beats('+Inf')) - (await beats('0.2')) > lateBefore, { what: 'a late beat' });
});
