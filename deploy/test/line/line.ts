/** The whole line with real parts: simulators in this process, agent and ingest as processes that a test may kill. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device, Plant } from '@fieldline/shared/config';
import { Lifecycle } from '@fieldline/shared/runtime';
import { freePort, requirePostgres, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import { type RunningPlant, type Served, startPlant } from '@fieldline/simulators';
import pg from 'pg';
import { devicesOf, testPlant } from './plant.ts';
import { createProgram, type Program } from './program.ts';

export const gateway = 'test-gateway';

/** Kept between runs: making the keys of an OPC UA server takes seconds. */
const certificateFolder = join(import.meta.dirname, '../../../.fieldline/test-certificates');

export type LineOptions = {
  readonly brokerUrl: string;
  /** host:port of a Kafka of its own; by default the embedded log. */
  readonly kafka?: string;
  readonly confirm?: 'cloud' | 'broker';
  /** A database of its own; by default a new one on the shared plain PostgreSQL. */
  readonly databaseUrl?: string;
  /** By default the test plant. */
  readonly plantSettings?: Plant;
  readonly devices?: readonly string[];
  readonly change?: (devices: Device[]) => Device[];
  readonly processor?: object;
  /** Settings of the journal, beside its folder. */
  readonly journal?: object;
  /** Settings of the uplink, beside its broker. */
  readonly uplink?: object;
  /** Settings of the agent's commands. */
  readonly commands?: object;
  /** Settings of the bridge, beside its broker. */
  readonly mqtt?: object;
};

export type Line = {
  readonly plant: RunningPlant;
  /** Everything served so far. */
  readonly served: Served[];
  readonly agent: Program;
  readonly ingest: Program;
  readonly apiPort: number;
  readonly databaseUrl: string;
  readonly journalFolder: string;
  readonly edgeFile: string;
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>;
  /** Waits until so many more samples are rows. */
  readonly flows: (samples?: number) => Promise<void>;
  /** Stops the agent in order and waits until all that it sent is stored. */
  readonly settle: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startLine(options: LineOptions): Promise<Line> {
  const lifecycle = new Lifecycle();
  try {
    return await start(options, lifecycle);
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function start(options: LineOptions, lifecycle: Lifecycle): Promise<Line> {
  const folder = temporaryFolder();
  const served: Served[] = [];
  const settings = options.plantSettings ?? testPlant();
  const plant = await startPlant(settings, { onServed: (some) => served.push(...some), certificateFolder });
  lifecycle.add('plant', plant.close);

  const databaseUrl = options.databaseUrl ?? (await ownDatabase(lifecycle));
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  pool.on('error', () => {
    // The server is stopped by some tests; the next query connects again.
  });
  lifecycle.add('pool', () => pool.end());
  const query: Line['query'] = async (sql, values) => (await pool.query(sql, values)).rows;

  const devices = devicesOf(settings, plant.servers, options.devices);
  const [edgePort, ingestPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const journalFolder = join(folder, 'journal');
  const edgeFile = writeSettings(folder, 'edge', {
    gateway,
    uplink: {
      broker: options.brokerUrl,
      confirm: options.confirm ?? 'cloud',
      resendAfterMs: 3_000,
      ...options.uplink,
    },
    journal: { folder: journalFolder, ...options.journal },
    commands: options.commands ?? {},
    http: { port: edgePort },
    devices: options.change?.(devices) ?? devices,
  });
  const ingestFile = writeSettings(folder, 'ingest', {
    mqtt: { broker: options.brokerUrl, ...options.mqtt },
    backbone:
      options.kafka === undefined
        ? { kind: 'embedded', folder: join(folder, 'log') }
        : { kind: 'kafka', brokers: [options.kafka], partitions: 3 },
    database: { url: databaseUrl },
    processor: options.processor ?? {},
    api: { port: apiPort },
    http: { port: ingestPort },
  });
  const ingest = createProgram('cloud-ingest/src/main.ts', ['all', '--config', ingestFile], ingestPort);
  const agent = createProgram('edge-agent/src/main.ts', ['run', '--config', edgeFile], edgePort);
  lifecycle.add('ingest', ingest.kill);
  lifecycle.add('agent', agent.kill);
  await ingest.start();
  await agent.start();

  const rowCount = async (): Promise<number> => {
    const [row] = await query<{ rows: number }>('SELECT count(*)::int AS rows FROM fieldline.sample').catch(() => []);
    return row?.rows ?? 0;
  };
  return {
    plant,
    served,
    agent,
    ingest,
    apiPort,
    databaseUrl,
    journalFolder,
    edgeFile,
    query,
    flows: async (samples = 100) => {
      const before = await rowCount();
      await waitFor(async () => (await rowCount()) >= before + samples, {
        timeoutMs: 60_000,
        what: `${samples} more rows`,
      });
    },
    settle: async () => {
      await agent.stop();
      await waitFor(() => allStored(query), { timeoutMs: 60_000, what: 'every batch to be stored' });
    },
    close: () => lifecycle.close(),
  };
}

/** By the last word of the gateway: stopped, and nothing held that the ledger lacks. */
async function allStored(query: Line['query']): Promise<boolean> {
  const [open] = await query<{ open: number }>(
    `SELECT count(*)::int AS open FROM fieldline.stream
     WHERE NOT (committed + declared + dead) @> int8range(1, last_seq + 1) AND last_seq > 0`,
  );
  const [state] = await query<{ online: boolean | null }>('SELECT online FROM fieldline.gateway WHERE gateway = $1', [
    gateway,
  ]);
  return open?.open === 0 && state?.online === false;
}

async function ownDatabase(lifecycle: Lifecycle): Promise<string> {
  const server = await requirePostgres();
  const database = await server.createDatabase();
  lifecycle.add('database', database.drop);
  return database.url;
}

/** YAML is a superset of JSON. */
function writeSettings(folder: string, name: string, settings: object): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, JSON.stringify(settings, null, 2));
  return file;
}
