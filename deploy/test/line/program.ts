/** One of Fieldline's programs as a user starts it: an own process, which a test may kill. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { waitFor } from '@fieldline/shared/testing/wait-for';

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
  /** How often it ended without being told to. */
  readonly crashes: () => number;
  /** A figure of /metrics, summed over its labels; 0 where it is not there. */
  readonly metric: (name: string) => Promise<number>;
};

/** `opsPort`: of /metrics and /health, as in the program's settings. `env`: beside that of this process. */
export function createProgram(
  source: string,
  args: readonly string[],
  opsPort: number,
  env: Readonly<Record<string, string>> = {},
): Program {
  let child: ChildProcess | undefined;
  let log = '';
  let crashes = 0;

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return ending?.exitCode ?? null;
    const closed = once(ending, 'close');
    ending.kill(signal);
    await closed;
    return ending.exitCode;
  }
  return {
    start: async () => {
      const started = spawn(process.execPath, [join(root, source), ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      });
      child = started;
      reapServer(started);
      started.once('exit', () => {
        if (child === started) crashes += 1;
      });
      for (const stream of [started.stdout, started.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          log = (log + text).slice(-200_000);
        });
      }
      const hasEnded = (): boolean => started.exitCode !== null || started.signalCode !== null;
      await waitFor(async () => hasEnded() || (await isUp(opsPort)), { timeoutMs: 60_000, what: `${source} to start` });
      if (hasEnded()) throw new Error(`${source} ended with ${started.exitCode ?? started.signalCode}: ${log}`);
    },
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    freeze: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    log: () => log,
    crashes: () => crashes,
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
