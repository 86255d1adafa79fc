/** A PostgreSQL of its own with the durability it is installed with: fsync on. That of the tests has it off. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type DatabaseConfig, ingestSchema } from '@fieldline/shared/config';
import { silentLog } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';
import { embeddedBinaries } from '@fieldline/shared/testing/postgres-binaries';
import { createCluster } from '@fieldline/shared/testing/postgres-cluster';
import { temporaryFolder } from '@fieldline/shared/testing/temporary-folder';
import { timescaleBin, timescaleSettings } from '@fieldline/shared/testing/timescale';
import { unprivilegedUser } from '@fieldline/shared/testing/unprivileged-user';
import pg from 'pg';
import { migrate } from '../../../cloud-ingest/src/store/migrate.ts';

export type BenchServer = {
  readonly hasTimescale: boolean;
  /** A new database with our tables; everything before is on the disk, so that its writing does not fall into the measurement. */
  readonly migrated: () => Promise<BenchDatabase>;
  /** Databases stay as they were. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly close: () => Promise<void>;
};
export type BenchDatabase = { readonly config: DatabaseConfig; readonly drop: () => Promise<void> };

export async function startServer(onTimescale: boolean): Promise<BenchServer> {
  const user = unprivilegedUser();
  const cluster = createCluster({
    binaries: onTimescale ? timescaleBin() : embeddedBinaries(user),
    dataFolder: join(temporaryFolder(user), 'data'),
    port: await freePort(),
    password: randomBytes(12).toString('hex'),
    user,
    // When a row was committed is asked of the server itself.
    settings: { track_commit_timestamp: 'on', ...(onTimescale ? timescaleSettings : {}) },
  });
  await cluster.start();
  const execute = (sql: string): Promise<unknown> => withClient(cluster.url, (client) => client.query(sql));
  return {
    hasTimescale: onTimescale,
    migrated: async () => {
      const name = `bench_${randomBytes(6).toString('hex')}`;
      await execute(`CREATE DATABASE ${name}`);
      const url = new URL(cluster.url);
      url.pathname = `/${name}`;
      const config = databaseConfig(url.href);
      await migrate(config, silentLog);
      await execute('CHECKPOINT');
      return { config, drop: async () => void (await execute(`DROP DATABASE ${name} WITH (FORCE)`)) };
    },
    stop: cluster.stop,
    start: cluster.start,
    close: cluster.stop,
  };
}

/** All defaults but the address. */
const databaseConfig = (url: string): DatabaseConfig =>
  ingestSchema.parse({
    mqtt: { broker: 'mqtt://127.0.0.1' },
    backbone: { kind: 'embedded', folder: '.' },
    database: { url },
  }).database;

export async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({
    connectionString: url,
    options: '-c search_path=fieldline,public -c synchronous_commit=on',
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
