import { setTimeout as sleep } from 'node:timers/promises';

/** As far as a timer of Node reaches: one that is set for longer fires at once. */
export const longestTimerMs = 2 ** 31 - 1;

export type BackoffOptions = {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Randomness as a parameter, 0 ≤ x < 1; the pause is between half and all of its nominal length. */
  readonly random?: () => number;
};

export type Backoff = {
  /** The next pause in ms: doubles from `firstMs` to `maxMs`, with jitter. */
  readonly next: () => number;
  readonly reset: () => void;
};

export function createBackoff({ firstMs, maxMs, random = Math.random }: BackoffOptions): Backoff {
  let nominal = firstMs;
  return {
    next: () => {
      const pause = nominal * (0.5 + random() / 2);
      nominal = Math.min(maxMs, nominal * 2);
      return pause;
    },
    reset: () => {
      nominal = firstMs;
    },
  };
}

/** Waits, or returns at once when the signal is or becomes aborted: true if the whole time has passed. */
export async function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  try {
    let leftMs = ms;
    do {
      await sleep(Math.min(leftMs, longestTimerMs), undefined, signal === undefined ? {} : { signal });
      leftMs -= longestTimerMs;
    } while (leftMs > 0);
    return true;
  } catch (error) {
    if (signal?.aborted) return false;
    throw error;
  }
}

/**
 * Runs until it succeeds, pausing between tries, as long as `retryable` says that a later try may succeed.
 * @throws the error of the last try where it is not retryable or the signal is aborted
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  options: BackoffOptions & {
    readonly signal: AbortSignal;
    readonly retryable: (error: unknown) => boolean;
    readonly onRetry?: (error: unknown, pauseMs: number) => void;
  },
): Promise<T> {
  const backoff = createBackoff(options);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (options.signal.aborted || !options.retryable(error)) throw error;
      const pauseMs = backoff.next();
      options.onRetry?.(error, pauseMs);
      if (!(await pause(pauseMs, options.signal))) throw error;
    }
  }
}
