/** One of Fieldline's programs as a user starts it: an own process, which a test may kill. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { waitFor } from '@fieldline/shared/testing';

const root = join(import.meta.dirname, '../../..');

export type Program = {
  readonly start: () => Promise<void>;
  /** SIGTERM, and waits for the end. */
  readonly stop: () => Promise<number | null>;
  /** SIGKILL, and waits for the end. */
  readonly kill: () => Promise<void>;
  /** It stands still, and says nothing to anybody, until `resume`. */
  readonly freeze: () => void;
  readonly resume: () => void;
  readonly log: () => string;
  /** A figure of /metrics, summed over its labels; 0 where it is not there. */
  readonly metric: (name: string) => Promise<number>;
};

/** `opsPort`: of /metrics and /health, as in the program's settings. */
export function createProgram(source: string, args: readonly string[], opsPort: number): Program {
  let child: ChildProcess | undefined;
  let log = '';

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return ending?.exitCode ?? null;
    const closed = once(ending, 'close');
    ending.kill(signal);
    await closed;
    return ending.exitCode;
  }
  process.once('exit', () => child?.kill('SIGKILL'));

  return {
    start: async () => {
      const started = spawn(process.execPath, [join(root, source), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      for (const stream of [started.stdout, started.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          log = (log + text).slice(-200_000);
        });
      }
      await waitFor(async () => started.exitCode !== null || (await isUp(opsPort)), {
        timeoutMs: 60_000,
        what: `${source} to start`,
      });
      if (started.exitCode !== null) throw new Error(`${source} ended with ${started.exitCode}: ${log}`);
    },
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    freeze: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    log: () => log,
    metric: async (name) => {
      const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
      return text
        .split('\n')
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
  };
}

async function isUp(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health/live`)).ok;
  } catch {
    return false;
  }
}
