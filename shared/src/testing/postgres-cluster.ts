/**
 * One PostgreSQL server on loopback, run from a folder of programs: for tests and for the demonstration.
 *
 * The data folder belongs to this module alone. The server is a child of this process and ends with it (see reaper.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BinFolder } from './postgres-binaries.ts';
import { reapServer } from './reaper.ts';
import type { User } from './unprivileged-user.ts';

export type ClusterOptions = {
  readonly binaries: BinFolder;
  readonly dataFolder: string;
  readonly port: number;
  readonly password: string;
  /** undefined: this process's own user. */
  readonly user: User | undefined;
  /** Lines of postgresql.conf, given on the command line. */
  readonly settings?: Readonly<Record<string, string>>;
};

export type Cluster = {
  /** With user and password, database `postgres`. */
  readonly url: string;
  /** Makes the data folder where it is not there yet. */
  start(): Promise<void>;
  /** Fast shutdown: clients are disconnected, what was committed is on the disk. */
  stop(): Promise<void>;
  /** As if the power of the server process had gone: recovery follows at the next start. */
  kill(): Promise<void>;
  /** Called when the server ends by itself. */
  onExit(listener: (message: string) => void): void;
};

export const superuser = 'postgres';
const startTimeoutMs = 60_000;

export function createCluster(options: ClusterOptions): Cluster {
  const { binaries, dataFolder, port, password, user } = options;
  const identity = {
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    // Its own process group: Ctrl-C reaches who started it, and that one stops it when nobody needs it any more.
    detached: true,
  };
  const environment = { ...process.env, LC_ALL: 'C', PGTZ: 'UTC' };
  const exitListeners: ((message: string) => void)[] = [];
  let server: ChildProcess | undefined;

  async function initialise(): Promise<void> {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    const passwordFile = join(dirname(dataFolder), `.password-${port}`);
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    if (user !== undefined) for (const path of [dataFolder, passwordFile]) chownSync(path, user.uid, user.gid);
    try {
      const initdb = spawn(
        join(binaries, 'initdb'),
        [
          `--pgdata=${dataFolder}`,
          `--username=${superuser}`,
          `--pwfile=${passwordFile}`,
          '--auth=scram-sha-256',
          '--encoding=UTF8',
          '--locale=C',
        ],
        { ...identity, env: environment, cwd: dataFolder, stdio: ['ignore', 'ignore', 'pipe'] },
      );
      const said = collect(initdb);
      const [code] = await once(initdb, 'close');
      if (code !== 0) throw new Error(`initdb failed: ${said().trim()}`);
    } finally {
      rmSync(passwordFile, { force: true });
    }
  }

  async function start(): Promise<void> {
    if (!existsSync(join(dataFolder, 'PG_VERSION'))) await initialise();
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      log_destination: 'stderr',
      ...options.settings,
    };
    const started = spawn(
      join(binaries, 'postgres'),
      ['-D', dataFolder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { ...identity, env: environment, cwd: dataFolder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    reapServer(started, 'QUIT');
    const said = collect(started);
    await ready(started, said);
    server = started;
    started.once('exit', (code, signal) => {
      if (server !== started) return;
      server = undefined;
      for (const listener of exitListeners) listener(`PostgreSQL ended (${signal ?? code}): ${said().trim()}`);
    });
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = server;
    server = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const closed = once(ending, 'close');
    ending.kill(signal);
    await closed;
  }

  return {
    url: `postgres://${superuser}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    start,
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    onExit: (listener) => {
      exitListeners.push(listener);
    },
  };
}

/** The last lines of standard error: read on and on, so that the server never blocks on its log. */
function collect(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4_000);
  });
  return () => tail;
}

function ready(child: ChildProcess, said: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => child.kill('SIGQUIT'), startTimeoutMs);
    child.stderr?.on('data', () => {
      if (!said().includes('database system is ready to accept connections')) return;
      clearTimeout(late);
      resolve();
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(late);
      reject(new Error(`PostgreSQL did not start: ${said().trim()}`));
    });
  });
}
