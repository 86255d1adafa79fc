import { type FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import { explain, type Log, retry } from '@fieldline/shared/runtime';

const firstPauseMs = 250;
const maxPauseMs = 10_000;

/** Tries again as long as the error says that a later try may succeed: a server that is not up yet is no reason to end. */
export function untilAvailable<T>(
  parts: {
    readonly log: Log;
    readonly signal: AbortSignal;
    /** What is waited for; null when nothing is. */
    readonly waitFor?: (trouble: string | null) => void;
  },
  attempt: () => Promise<T>,
): Promise<T> {
  return retry(attempt, {
    firstMs: firstPauseMs,
    maxMs: maxPauseMs,
    signal: parts.signal,
    retryable: isRetryable,
    onRetry: (error, pauseMs) => {
      const trouble = explain(error);
      parts.log.warn(`${trouble}; trying again in ${Math.ceil(pauseMs / 1_000)} s`);
      parts.waitFor?.(trouble);
    },
  });
}

const isRetryable = (error: unknown): error is FieldlineError => isFieldlineError(error) && error.retryable;
