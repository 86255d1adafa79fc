import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { embeddedBinaries } from './postgres-binaries.ts';
import { createCluster } from './postgres-cluster.ts';
import { askForServer } from './shared-servers.ts';
import { systemBin } from './system-postgres.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { apacheSettings, timescaleBin, timescaleSettings } from './timescale.ts';
import { type User, unprivilegedUser } from './unprivileged-user.ts';

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
const fastSettings = { fsync: 'off', full_page_writes: 'off', max_connections: '200', jit: 'off' };

/** The plain PostgreSQL of the test run; databases on it are the test file's own. */
export const requirePostgres = (): Promise<TestPostgres> => requireServer('postgres');

/** What the servers of a test run are: one of each kind, started when first asked for. */
export const postgresKinds = ['postgres', 'system-postgres', 'timescale', 'timescale-apache'] as const;
export type PostgresKind = (typeof postgresKinds)[number];

/** A server that all files of the run share, in one of the editions that Fieldline knows. */
export async function requireServer(kind: PostgresKind): Promise<TestPostgres> {
  const url = await askForServer(kind);
  return { url, createDatabase: () => createDatabase(url) };
}

/** Databases of a server of your own. */
export const startPostgres = (options: { readonly timescale?: boolean } = {}): Promise<OwnPostgres> =>
  startServer(options.timescale === true ? 'timescale' : 'postgres');

export async function startServer(kind: PostgresKind): Promise<OwnPostgres> {
  const user = unprivilegedUser();
  const folder = temporaryFolder(user);
  const { binaries, settings } = programsOf(kind, user);
  const cluster = createCluster({
    binaries,
    dataFolder: join(folder, 'data'),
    port: await freePort(),
    password: randomBytes(12).toString('hex'),
    user,
    settings: { ...fastSettings, ...settings },
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

function programsOf(kind: PostgresKind, user: User | undefined) {
  switch (kind) {
    case 'postgres':
      return { binaries: embeddedBinaries(user), settings: {} };
    case 'system-postgres':
      return { binaries: systemBin(), settings: {} };
    case 'timescale':
      return { binaries: timescaleBin(), settings: timescaleSettings };
    case 'timescale-apache':
      return { binaries: timescaleBin(), settings: apacheSettings };
  }
}

async function createDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await execute(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** Statements about a database, by its administrator and from beside it: to copy, drop or replace it. */
export async function administer(databaseUrl: string, statements: (name: string) => readonly string[]): Promise<void> {
  const server = new URL(databaseUrl);
  const name = server.pathname.slice(1);
  server.pathname = '/postgres';
  for (const statement of statements(name)) await execute(server.href, statement);
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
