/**
 * One program of the line as a child process. It is started again when it dies; one that cannot stay up (its settings or its
 * surroundings are wrong) ends the run with what it said last.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { pause } from '@fieldline/shared/runtime';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { openLogFile } from './log-file.ts';
import { createRestarts, lastLines } from './restarts.ts';

export type PartOptions = {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly logFile: string;
  /** The part is started again, or was: a line for the person at the terminal. */
  readonly notice: (line: string) => void;
  /** It does not stay up: the run is over. */
  readonly gaveUp: (error: Error) => void;
};

export type Part = {
  readonly name: string;
  readonly pid: () => number | undefined;
  /** Lets it end by itself within `withinMs`, then ends it. True if it ended by itself, without an error. */
  readonly stop: (withinMs: number) => Promise<boolean>;
};

export function startPart(options: PartOptions): Part {
  const { name } = options;
  const log = openLogFile(options.logFile);
  const restarts = createRestarts();
  const stopping = new AbortController();
  let child: ChildProcess;
  let tail = '';

  function spawnChild(): void {
    const startedAt = performance.now();
    child = spawn(options.program, options.args, {
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own process group: Ctrl-C stops the parts in order, not all at once.
      detached: true,
    });
    reapServer(child, 'TERM');
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        tail = (tail + text).slice(-4_000);
        log.write(text);
      });
    }
    child.once('error', (error) => options.gaveUp(new Error(`${name} cannot be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (!stopping.signal.aborted) void ended(performance.now() - startedAt, signal ?? `exit code ${code}`);
    });
  }

  async function ended(upMs: number, how: string): Promise<void> {
    const pauseMs = restarts.pauseMsAfter(upMs);
    if (pauseMs === null) {
      options.gaveUp(new Error(`${name} does not stay up (${how}). It said last:\n${lastLines(tail, 12)}`));
      return;
    }
    options.notice(`${name} ended (${how}) and is started again; see ${options.logFile}`);
    if (await pause(pauseMs, stopping.signal)) spawnChild();
  }

  spawnChild();
  return {
    name,
    pid: () => child.pid,
    stop: async (withinMs) => {
      stopping.abort();
      const clean = await endChild(child, withinMs);
      await log.close();
      return clean;
    },
  };
}

async function endChild(child: ChildProcess, withinMs: number): Promise<boolean> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const closed = once(child, 'close');
    const late = setTimeout(() => child.kill('SIGKILL'), withinMs);
    child.kill('SIGTERM');
    await closed;
    clearTimeout(late);
  }
  return child.exitCode === 0;
}
