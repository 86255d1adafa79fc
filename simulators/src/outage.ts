/**
 * Takes a server down and brings it up again, one change after the other. A server that cannot
 * come back (its port was taken meanwhile) tries until it can.
 */
import { explain, type Log, retry } from '@fieldline/shared/runtime';
import type { OutageFault } from './faults.ts';

export type Outage = {
  /** Resolves when the server is down, or with null when it is up again. */
  readonly set: (fault: OutageFault | null) => Promise<void>;
  readonly standing: () => OutageFault | null;
  /** Takes the server down for good. Idempotent. */
  readonly close: () => Promise<void>;
};

export type Switched = {
  readonly up: () => Promise<void>;
  readonly down: () => Promise<void>;
};

/** The server is up when it is handed over. */
export function createOutage(name: string, { up, down }: Switched, log: Log): Outage {
  const closing = new AbortController();
  let fault: OutageFault | null = null;
  let isUp = true;
  let changes: Promise<void> = Promise.resolve();
  let recovery: NodeJS.Timeout | undefined;

  const bringUp = (): Promise<void> =>
    retry(up, {
      firstMs: 100,
      maxMs: 2_000,
      signal: closing.signal,
      retryable: () => true,
      onRetry: (error) => log.warn({ server: name, error: explain(error) }, 'cannot come back yet'),
    });
  const change = (toUp: boolean): Promise<void> => {
    const step = changes.then(async () => {
      if (toUp === isUp) return;
      await (toUp ? bringUp() : down());
      isUp = toUp;
    });
    changes = step.catch(() => {});
    return step;
  };
  const recover = (): void => {
    set(null).catch((error: unknown) => {
      if (!closing.signal.aborted) log.error({ server: name, error: explain(error) }, 'did not come back');
    });
  };
  const set = async (next: OutageFault | null): Promise<void> => {
    clearTimeout(recovery);
    fault = next;
    await change(next === null);
    const isStillWanted = fault === next && !closing.signal.aborted;
    if (next?.kind === 'restart' && isStillWanted) recovery = setTimeout(recover, next.forMs);
  };
  return {
    set,
    standing: () => fault,
    close: async () => {
      clearTimeout(recovery);
      closing.abort();
      await change(false);
    },
  };
}
