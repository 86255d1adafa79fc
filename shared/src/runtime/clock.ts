import type { Micros } from '../contracts/sample.ts';

/** Time as a parameter: tests bring their own. */
export type Clock = {
  /** Wall clock, µs since 1970 UTC; steps when the system's clock is set. */
  readonly now: () => Micros;
  /** Never steps; ms since an arbitrary start. For intervals and deadlines. */
  readonly monotonicMs: () => number;
};

/**
 * performance.timeOrigin is fixed at the start of the process, so the wall clock comes from Date, refined to µs by the
 * monotonic clock as long as the two agree within a millisecond and a half.
 */
export const systemClock: Clock = {
  now: () => {
    const fine = performance.timeOrigin + performance.now();
    const coarse = Date.now();
    return Math.round((Math.abs(fine - coarse) <= 1.5 ? fine : coarse) * 1_000);
  },
  monotonicMs: () => performance.now(),
};
