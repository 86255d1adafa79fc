import { longestTimerMs } from '@fieldline/shared/runtime';

/**
 * Sleep for many loops. Those that sleep until the same moment share a timer and wake in one go, which takes the machine from its
 * rest once; all are woken together at the end. An AbortSignal would do that, but searches its list of listeners at each sleep: with
 * 500 links that was a tenth of the poller's work.
 */
export function createSleeper() {
  const moments = new Map<number, Moment>();
  let awake = false;

  function momentAt(untilMs: number, nowMs: number): Moment {
    const key = Math.round(untilMs);
    const known = moments.get(key);
    if (known !== undefined) return known;
    const timer = setTimeout(
      () => {
        moments.delete(key);
        wake(moment);
      },
      Math.min(untilMs - nowMs, longestTimerMs),
    );
    const moment: Moment = { timer, sleeping: [] };
    moments.set(key, moment);
    return moment;
  }
  return {
    /** By one clock, in ms; may end a ms early, or after the longest time that a timer has. Returns at once when all have been woken for good. */
    sleep: (untilMs: number, nowMs: number): Promise<void> =>
      new Promise((resolve) => {
        if (awake) return resolve();
        momentAt(untilMs, nowMs).sleeping.push(resolve);
      }),
    wakeAll: (): void => {
      awake = true;
      for (const moment of moments.values()) wake(moment);
      moments.clear();
    },
  };
}

type Moment = { readonly timer: NodeJS.Timeout; readonly sleeping: (() => void)[] };

function wake({ timer, sleeping }: Moment): void {
  clearTimeout(timer);
  for (const resolve of sleeping) resolve();
}
