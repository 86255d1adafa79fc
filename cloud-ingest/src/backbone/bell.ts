/** Wakes whoever waits: a ring before the wait is not remembered, so the waiter looks first and waits then. */
export type Bell = {
  readonly ring: () => void;
  /** Resolves at the next ring, or when the signal is aborted. */
  readonly next: (signal?: AbortSignal) => Promise<void>;
};

export function createBell(): Bell {
  let waiting = new Set<() => void>();
  return {
    ring: () => {
      if (waiting.size === 0) return;
      const woken = waiting;
      waiting = new Set();
      for (const wake of woken) wake();
    },
    next: (signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) {
          resolve();
          return;
        }
        const wake = (): void => {
          signal?.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        signal?.addEventListener('abort', wake, { once: true });
      }),
  };
}
