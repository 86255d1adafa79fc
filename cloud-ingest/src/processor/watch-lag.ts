/**
 * Measures how far the processor is behind the backbone. A lag that cannot be asked for is unknown: its series ends then, so that
 * a graph has a gap and a sum leaves it out, and the gauge beside it says why.
 */
import { pause } from '@fieldline/shared/runtime';
import type { ProcessorMetrics } from './processor-metrics.ts';

export type LagParts = {
  /** null, or rejected: not known. */
  readonly lag: () => Promise<number | null>;
  readonly isReachable: () => boolean;
  readonly counts: Pick<ProcessorMetrics, 'lag' | 'reachable'>;
};

const everyMs = 2_000;
/** An answer that takes longer is of no use any more. */
const answerMs = 10_000;

export function watchLag({ lag, isReachable, counts }: LagParts): { readonly close: () => void } {
  const closing = new AbortController();
  const { signal } = closing;

  async function look(): Promise<void> {
    const late = new AbortController();
    const answer = await Promise.race([
      lag().catch(() => null),
      pause(answerMs, AbortSignal.any([late.signal, signal])).then(() => null),
    ]);
    late.abort();
    if (signal.aborted) return;
    if (answer === null) counts.lag.remove();
    else counts.lag.set(answer);
    counts.reachable.set(isReachable() ? 1 : 0);
  }

  async function keepLooking(): Promise<void> {
    do await look();
    while (await pause(everyMs, signal));
  }

  // No line `0` before anything is known.
  counts.lag.remove();
  void keepLooking();
  return { close: () => closing.abort() };
}
