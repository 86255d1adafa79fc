import { createBackoff } from '@fieldline/shared/runtime';

export type Restarts = {
  /** How long to wait before the next start of what was up for `upMs`; null where it does not stay up. */
  readonly pauseMsAfter: (upMs: number) => number | null;
};

/** A start that ends sooner is a start that failed. */
const upAfterMs = 10_000;
const maxFailedStarts = 3;

/** When a part that died is started again, and when it is given up: the same for every part of the line. */
export function createRestarts(): Restarts {
  const backoff = createBackoff({ firstMs: 500, maxMs: 5_000 });
  let failedStarts = 0;
  return {
    pauseMsAfter: (upMs) => {
      if (upMs >= upAfterMs) {
        failedStarts = 0;
        backoff.reset();
      } else {
        failedStarts++;
      }
      return failedStarts >= maxFailedStarts ? null : backoff.next();
    },
  };
}

export const lastLines = (text: string, count: number): string =>
  text
    .trim()
    .split('\n')
    .slice(-count)
    .map((line) => `  ${line}`)
    .join('\n');
