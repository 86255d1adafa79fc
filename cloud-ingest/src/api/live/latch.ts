/** Remembers that something happened until somebody waits for it. */
export type Latch = {
  readonly set: () => void;
  /** Returns when it is set, or after `ms`; clears it. */
  readonly wait: (ms: number) => Promise<void>;
};

export function createLatch(): Latch {
  let happened = false;
  let release: (() => void) | null = null;
  return {
    set: () => {
      happened = true;
      release?.();
    },
    wait: async (ms) => {
      if (!happened) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          release = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        release = null;
      }
      happened = false;
    },
  };
}
