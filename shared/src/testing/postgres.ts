import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { embeddedBinaries } from './postgres-binaries.ts';
import { createCluster } from './postgres-cluster.ts';
import { askForServer } from './shared-servers.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { timescaleBin, timescaleSettings } from './timescale.ts';
import { unprivilegedUser } from './unprivileged-user.ts';

export type TestDatabase = { readonly url: string; readonly drop: () => Promise<void> };

export type TestPostgres = {
  /** Of the superuser, database `postgres`. */
  readonly url: string;
  /** A new, empty database. */
  readonly createDatabase: () => Promise<TestDatabase>;
};

/** A server that the test may stop. Port and data stay the same until `close`. */
export type OwnPostgres = TestPostgres & {
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly close: () => Promise<void>;
};

// The medium is not under test, only the process: without waiting for the disk the tests are several times as fast.
// Commits still reach the operating system before they are answered, so they outlive a kill of the server.
const fastSettings = { fsync: 'off', full_page_writes: 'off', max_connections: '200' };

/** The plain PostgreSQL of the test run; databases on it are the test file's own. */
export async function requirePostgres(): Promise<TestPostgres> {
  const url = await askForServer('postgres');
  return { url, createDatabase: () => createDatabase(url) };
}

/** Databases of a server of your own. */
export async function startPostgres(options: { readonly timescale?: boolean } = {}): Promise<OwnPostgres> {
  const user = unprivilegedUser();
  const folder = temporaryFolder(user);
  const cluster = createCluster({
    binaries: options.timescale === true ? timescaleBin() : embeddedBinaries(user),
    dataFolder: join(folder, 'data'),
    port: await freePort(),
    password: randomBytes(12).toString('hex'),
    user,
    settings: { ...fastSettings, ...(options.timescale === true ? timescaleSettings : {}) },
  });
  await cluster.start();
  return {
    url: cluster.url,
    createDatabase: () => createDatabase(cluster.url),
    start: cluster.start,
    stop: cluster.stop,
    kill: cluster.kill,
    close: async () => {
      await cluster.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function createDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await execute(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
