import { onTestFinished } from 'vitest';

/** Closed when the test is over, the last one first. */
export const closing = <T extends { close: () => Promise<unknown> }>(part: T): T => {
  onTestFinished(async () => {
    await part.close();
  });
  return part;
};
