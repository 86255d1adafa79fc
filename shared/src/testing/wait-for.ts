import { setTimeout as sleep } from 'node:timers/promises';

export type WaitOptions = {
  readonly timeoutMs?: number;
  /** Completes "waited … for <what>". */
  readonly what?: string;
};

type Truthy<T> = Exclude<T, false | null | undefined | 0 | ''>;

/**
 * Asks again and again until the answer is truthy, and gives it. An error of the condition counts as "not yet".
 * @throws Error that names what was waited for, with the last error as its cause
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions = {}): Promise<Truthy<T>> {
  const { timeoutMs = 30_000, what = 'a condition' } = options;
  const deadline = performance.now() + timeoutMs;
  let failure: unknown;
  for (let pauseMs = 5; ; pauseMs = Math.min(100, pauseMs * 2)) {
    try {
      const answer = await condition();
      if (isTruthy(answer)) return answer;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: failure });
    await sleep(pauseMs);
  }
}

const isTruthy = <T>(answer: T): answer is Truthy<T> => Boolean(answer);
