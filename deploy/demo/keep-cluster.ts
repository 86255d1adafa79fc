import { FieldlineError } from '@fieldline/shared/contracts';
import { pause } from '@fieldline/shared/runtime';
import type { Cluster } from '@fieldline/shared/testing/postgres-cluster';
import { createRestarts, lastLines } from './restarts.ts';

export type Tell = {
  /** The server is started again: a line for the person at the terminal. */
  readonly notice: (line: string) => void;
  /** It does not stay up: the run is over. */
  readonly gaveUp: (error: Error) => void;
};

/** Starts the server, and starts it again when it dies, on the same port and data. Gives the function that stops it. */
export async function keepCluster(cluster: Cluster, tell: Tell): Promise<() => Promise<void>> {
  const restarts = createRestarts();
  const stopping = new AbortController();
  let restarting = Promise.resolve();
  await cluster.start();
  let upSince = performance.now();

  async function startAgain(lastWords: string): Promise<void> {
    let message = lastWords;
    let upMs = performance.now() - upSince;
    while (!stopping.signal.aborted) {
      const pauseMs = restarts.pauseMsAfter(upMs);
      if (pauseMs === null) {
        tell.gaveUp(doesNotStayUp(message));
        return;
      }
      // What it logged comes after the colon; it matters only if the server does not come up again.
      tell.notice(`${message.split(':', 1)[0]} and is started again`);
      if (!(await pause(pauseMs, stopping.signal))) return;
      try {
        await cluster.start();
        upSince = performance.now();
        return;
      } catch (error) {
        message = (error as Error).message;
        upMs = 0;
      }
    }
  }

  cluster.onExit((message) => {
    restarting = startAgain(message);
  });
  return async () => {
    stopping.abort();
    // A start that is under way cannot be stopped half-way: it is waited for.
    await restarting;
    await cluster.stop();
  };
}

const doesNotStayUp = (message: string): FieldlineError =>
  new FieldlineError(
    'database/unreachable',
    'the embedded PostgreSQL does not stay up: remedy what it says below and run npm start again, ' +
      `or give another database with --database URL, or begin anew with --data FOLDER\n${lastLines(message, 6)}`,
  );
