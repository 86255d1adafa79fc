import { pause } from '@fieldline/shared/runtime';
import { FetchWatch, type Progress } from './fetch-watch.ts';

export type StallParts = {
  readonly stallMs: number;
  /** Nothing is asked for now, on purpose. */
  readonly isWaiting: () => boolean;
  /** Where each partition stands, and its log. */
  readonly progress: () => Promise<readonly Progress[]>;
  /** The brokers that lead the partitions have said where their logs end. */
  readonly answered: () => void;
  readonly failed: (error: unknown) => void;
  readonly stalled: (reason: string) => void;
  readonly lost: (reason: string) => void;
};

const looksPerStall = 3;

/** Looks now and then; a broker that does not answer even that is a stall as well. */
export function watchForStalls(parts: StallParts): { readonly close: () => void } {
  const { stallMs, isWaiting, progress, answered, failed, stalled, lost } = parts;
  const watch = new FetchWatch(stallMs);
  const closing = new AbortController();
  const { signal } = closing;
  const seconds = stallMs / 1_000;

  async function look(): Promise<void> {
    const late = new AbortController();
    const answer = await Promise.race([progress(), pause(stallMs, AbortSignal.any([late.signal, signal]))]);
    late.abort();
    if (signal.aborted) return;
    if (typeof answer === 'boolean') {
      const reason = `no answer of the broker for ${seconds} s`;
      failed(new Error(reason));
      if (!isWaiting()) stalled(reason);
      return;
    }
    answered();
    if (isWaiting()) {
      watch.reset();
      return;
    }
    const state = watch.look(answer, performance.now());
    if (state === 'flowing') return;
    const reason = `nothing came for ${seconds} s although the log goes on`;
    stalled(reason);
    if (state === 'lost') lost(reason);
  }

  async function keepLooking(): Promise<void> {
    while (await pause(stallMs / looksPerStall, signal)) {
      // A look that fails says nothing of the fetching, and all the more of the brokers.
      await look().catch(failed);
    }
  }
  void keepLooking();
  return { close: () => closing.abort() };
}
