/**
 * The processor drains a backlog. It is held at the moment when it asks the database where to begin: assigned, idle, nothing
 * fetched. From there on until the commit of the last row is measured; its start is not, but its code is cold.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackboneConfig, DatabaseConfig } from '@fieldline/shared/config';
import { waitFor } from '@fieldline/shared/testing/wait-for';
import pg from 'pg';
import { type BenchServer, withClient } from './database-server.ts';
import type { Timed } from './in-turns.ts';
import { type IngestProcess, startIngest } from './ingest-process.ts';

export type Drained = Timed & { readonly cpuSeconds: number; readonly mostBytes: number };

export type DrainOptions = {
  readonly root: string;
  readonly folder: string;
  readonly backbone: BackboneConfig;
  readonly brokerUrl: string;
  /** What will be stored: all that can be. */
  readonly rows: number;
  /** Whether records that came twice may be in the table twice. */
  readonly mayDouble?: boolean;
  readonly swap?: URL;
  /** What else has to be in the database. */
  readonly prepare?: (config: DatabaseConfig) => Promise<void>;
};

const startMs = 30_000;
const drainMs = 180_000;
const lookEveryMs = 100;

/** @throws Error when the table has not all of these rows in the end, or more */
export async function drain(server: BenchServer, options: DrainOptions): Promise<Drained> {
  const database = await server.migrated();
  try {
    const held = await holdProcessor(database.config, options);
    try {
      const drained = await held.drain(options.rows);
      await expectRows(database.config.url, options);
      return drained;
    } finally {
      await held.process.stop();
    }
  } finally {
    await database.drop();
  }
}

export type HeldProcessor = {
  readonly process: IngestProcess;
  /** Lets go and waits until so many rows are committed; the processor goes on. To be called once. */
  readonly drain: (rows: number) => Promise<Drained>;
};

/** A processor that is ready and waits. */
export async function holdProcessor(
  config: DatabaseConfig,
  { root, folder, backbone, brokerUrl, swap, prepare }: Omit<DrainOptions, 'rows'>,
): Promise<HeldProcessor> {
  const { url } = config;
  await prepare?.(config);
  const gate = new pg.Client({ connectionString: url });
  await gate.connect();
  try {
    await gate.query('BEGIN; LOCK TABLE fieldline.source_offset IN ACCESS EXCLUSIVE MODE');
    const process = await startIngest({
      root,
      folder,
      role: 'processor',
      settings: { mqtt: { broker: brokerUrl }, backbone, database: { url } },
      ...(swap === undefined ? {} : { swap }),
    });
    try {
      await withClient(url, (client) =>
        waitFor(async () => (await client.query(waiting)).rowCount, {
          timeoutMs: startMs,
          what: 'the processor to ask for its offsets',
        }),
      );
    } catch (error) {
      await process.stop();
      throw error;
    }
    return { process, drain: (rows) => release(gate, config, process, rows) };
  } catch (error) {
    await gate.end();
    throw error;
  }
}

const waiting = `SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM source_offset%'`;

async function release(
  gate: pg.Client,
  { url }: DatabaseConfig,
  process: IngestProcess,
  rows: number,
): Promise<Drained> {
  const before = process.usage();
  const startedMs = await instant(gate, 'clock_timestamp()');
  await gate.query('COMMIT');
  await gate.end();
  const deadline = performance.now() + drainMs;
  while ((await process.metric('fieldline_processor_samples_stored_total')) < rows) {
    if (performance.now() > deadline)
      throw new Error(`not all of ${rows} rows were stored within ${drainMs / 1_000} s`);
    await sleep(lookEveryMs);
  }
  const { cpuSeconds } = process.usage();
  // The newest values are written by the transaction that wrote the last rows.
  const endedMs = await withClient(url, (client) =>
    instant(client, '(SELECT max(pg_xact_commit_timestamp(xmin)) FROM latest)'),
  );
  return {
    rows,
    seconds: (endedMs - startedMs) / 1_000,
    cpuSeconds: cpuSeconds - before.cpuSeconds,
    mostBytes: process.mostBytes(),
  };
}

async function instant(client: pg.Client, expression: string): Promise<number> {
  const { rows } = await client.query<{ ms: number }>(
    `SELECT (1000 * extract(epoch FROM ${expression}))::float8 AS ms`,
  );
  return rows[0]?.ms ?? Number.NaN;
}

async function expectRows(url: string, { rows, mayDouble = false }: DrainOptions): Promise<void> {
  const found = await withClient(url, (client) =>
    client.query<{ rows: string }>('SELECT count(*) AS rows FROM sample'),
  );
  const stored = Number(found.rows[0]?.rows);
  if (stored < rows || (stored > rows && !mayDouble))
    throw new Error(`the table has ${stored} rows; ${rows} were sent`);
}
