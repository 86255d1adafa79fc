/** What the sites are connected to: a broker that may lose all, and the cheapest cloud that keeps ledger and rows. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lifecycle } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';
import { mosquitto, type TestMosquitto } from '@fieldline/shared/testing/mosquitto';
import { startPostgres } from '@fieldline/shared/testing/postgres';
import pg from 'pg';
import { createProgram, type Program } from '../../test/line/program.ts';

export type Line = {
  readonly broker: TestMosquitto;
  readonly ingest: Program;
  readonly databaseUrl: string;
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>;
};

/** More than the clocks of the agents are set forward by: what is further ahead is a dead letter, and rightly so. */
const acceptFutureMs = 2 * 3_600_000;

export async function startLine(folder: string, lifecycle: Lifecycle): Promise<Line> {
  const [broker, database] = await Promise.all([mosquitto.start(), startPostgres()]);
  lifecycle.add('broker', broker.close);
  lifecycle.add('database server', database.close);
  const { url: databaseUrl } = await database.createDatabase();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2, options: '-c search_path=fieldline,public' });
  pool.on('error', () => {
    // A connection that is being closed may still hear that its server ends.
  });
  lifecycle.add('pool', () => pool.end());
  const port = await freePort();
  const file = join(folder, 'ingest.yaml');
  const settings = {
    mqtt: { broker: broker.url },
    backbone: { kind: 'embedded', folder: join(folder, 'log') },
    database: { url: databaseUrl },
    processor: { acceptFutureMs },
    api: { port: await freePort() },
    http: { port },
  };
  writeFileSync(file, JSON.stringify(settings));
  const ingest = createProgram('cloud-ingest/src/main.ts', ['all', '--config', file], port);
  lifecycle.add('ingest', ingest.kill);
  await ingest.start();
  return { broker, ingest, databaseUrl, query: async (sql, values) => (await pool.query(sql, values)).rows };
}
