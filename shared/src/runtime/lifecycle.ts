import { isFieldlineError } from '../contracts/errors.ts';
import type { Log } from './log.ts';

/**
 * What a program opened, closed in the reverse order. Each part is closed even if one before it fails; the failures are
 * thrown together at the end.
 */
export class Lifecycle {
  private readonly closers: { name: string; close: () => Promise<void> | void }[] = [];
  private closing: Promise<void> | undefined;

  add(name: string, close: () => Promise<void> | void): void {
    this.closers.push({ name, close });
  }

  /** Idempotent: a second call waits for the first. */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    const failures: Error[] = [];
    for (const { name, close } of this.closers.reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(new Error(`closing ${name} failed`, { cause: error }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map((failure) => failure.message).join('; '));
  }
}

/**
 * The frame of every program's main: `work` runs until SIGINT or SIGTERM aborts its signal. Settings and other expected
 * errors end it with one message and exit code 1, wrong use with code 2; a second signal ends it at once.
 */
export async function runProgram(work: (signal: AbortSignal) => Promise<void>, log?: Log): Promise<void> {
  const abort = new AbortController();
  let signals = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    signals += 1;
    if (signals > 1) process.exit(130);
    log?.info({ signal: name }, 'stopping');
    abort.abort(new Error(name));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    await work(abort.signal);
  } catch (error) {
    process.exitCode = isFieldlineError(error, 'arguments/invalid') ? 2 : 1;
    process.stderr.write(`${explain(error)}\n`);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Expected errors in a sentence; what we did not expect with its stack. */
export const explain = (error: unknown): string =>
  isFieldlineError(error)
    ? `${error.code}: ${error.message}`
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);

/** Resolves when the signal is aborted. */
export const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
