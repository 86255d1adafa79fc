/** Real Mosquitto processes: each test has its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Requirement } from './describe-with.ts';
import { findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';
import { reapServer } from './reaper.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { waitFor } from './wait-for.ts';

export type MosquittoOptions = {
  readonly port?: number;
  /** Lines of mosquitto.conf, after ours. */
  readonly conf?: readonly string[];
  readonly dataFolder?: string;
};

export type TestMosquitto = {
  readonly url: string;
  readonly port: number;
  /** What it printed, newest last. */
  readonly log: () => string;
  readonly start: () => Promise<void>;
  /** Saves its state first. */
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
  /** Has it read its settings and users anew. */
  readonly reload: () => void;
  /** Deletes its state: sessions, queued and retained messages. Only while it is stopped. */
  readonly wipe: () => void;
  readonly close: () => Promise<void>;
};

export const mosquitto: Requirement & { readonly start: (options?: MosquittoOptions) => Promise<TestMosquitto> } = {
  name: 'mosquitto',
  get skipReason() {
    return findProgram('mosquitto') === null ? 'no mosquitto on the PATH: install the package mosquitto' : null;
  },
  start: startMosquitto,
};

async function startMosquitto(options: MosquittoOptions = {}): Promise<TestMosquitto> {
  const program = findProgram('mosquitto');
  if (program === null) throw new Error(`mosquitto: ${mosquitto.skipReason}`);
  const folder = temporaryFolder();
  const data = options.dataFolder ?? join(folder, 'data');
  const port = options.port ?? (await freePort());
  const conf = join(folder, 'mosquitto.conf');
  writeFileSync(conf, configuration(port, data, options.conf ?? []));
  let server: ChildProcess | undefined;
  let log = '';

  async function start(): Promise<void> {
    mkdirSync(data, { recursive: true });
    const started = spawn(program ?? '', ['-c', conf], { stdio: ['ignore', 'pipe', 'pipe'] });
    server = started;
    reapServer(started);
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-64_000);
      });
    }
    await waitFor(
      () => {
        if (started.exitCode !== null) return true;
        return accepts(port);
      },
      { what: 'mosquitto to listen' },
    );
    if (started.exitCode !== null) throw new Error(`mosquitto did not start: ${log}`);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = server;
    server = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const closed = once(ending, 'close');
    ending.kill(signal);
    // It forgets a signal that comes between its first listening and its main loop.
    const again = setInterval(() => ending.kill(signal), 1000);
    await closed.finally(() => clearInterval(again));
  }

  await start();
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    log: () => log,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    reload: () => void server?.kill('SIGHUP'),
    wipe: () => {
      if (server !== undefined) throw new Error('stop or kill mosquitto before its state is deleted');
      rmSync(data, { recursive: true, force: true });
    },
    close: async () => {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Debian's defaults lose QoS 1 silently beyond 1,000 queued messages: like our compose file, this has no such limit. */
function configuration(port: number, data: string, own: readonly string[]): string {
  const asRoot = process.getuid?.() === 0 ? ['user root'] : [];
  const open = own.some((line) => /^(allow_anonymous|password_file)\b/.test(line)) ? [] : ['allow_anonymous true'];
  return [
    `listener ${port} 127.0.0.1`,
    ...asRoot,
    ...open,
    'persistence true',
    `persistence_location ${data}/`,
    'max_queued_messages 0',
    'max_inflight_messages 1000',
    'log_dest stderr',
    ...own,
    '',
  ].join('\n');
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
