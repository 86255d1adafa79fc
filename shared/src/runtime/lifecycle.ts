import { constants } from 'node:os';
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

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** After a stop in which everything was closed: a connection that a library has forgotten holds up no program for longer. */
const lingerMs = 5_000;

/**
 * The frame of every program's main: `work` runs until one of these aborts its signal: Control-C, a kill, the end of the
 * terminal. Settings and other expected errors end it with one message and exit code 1, wrong use with code 2; a second signal ends it at
 * once, with the exit code that shells give for it. What keeps the event loop alive after a stop, nobody knows any more: the
 * program ends all the same. No program here reads its settings again by SIGHUP.
 */
export async function runProgram(work: (signal: AbortSignal) => Promise<void>, log?: Log): Promise<void> {
  const abort = new AbortController();
  let signals = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    signals += 1;
    if (signals > 1) process.exit(128 + constants.signals[name]);
    log?.info({ signal: name }, 'stopping');
    abort.abort(new Error(name));
  };
  for (const name of endingSignals) process.on(name, onSignal);
  try {
    await work(abort.signal);
  } catch (error) {
    process.exitCode = isFieldlineError(error, 'arguments/invalid') ? 2 : 1;
    process.stderr.write(`${explain(error)}\n`);
  } finally {
    for (const name of endingSignals) process.off(name, onSignal);
    if (abort.signal.aborted) setTimeout(endAnyway, lingerMs).unref();
  }
}

/** Reached only while something keeps the event loop alive. */
function endAnyway(): void {
  const open = [...new Set(process.getActiveResourcesInfo())].join(', ');
  process.stderr.write(`stopped, but something is still open after ${lingerMs / 1_000} s (${open}): ending anyway\n`);
  process.exit();
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
