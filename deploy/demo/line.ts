/** Starts the parts of the line in the order in which they need each other, and stops them in the reverse. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { loadConfig, loadEdgeConfig, type Plant, plantSchema } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { type Lifecycle, pause } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';
import { profilesFolder } from '../../edge-agent/src/profiles-folder.ts';
import { openBroker } from './broker.ts';
import { openDatabase } from './database.ts';
import type { DemoOptions } from './options.ts';
import { type Part, startPart } from './part.ts';
import { assertFree, portLike } from './ports.ts';
import {
  accessOf,
  plantSettings,
  type Relocate,
  writeEdgeSettings,
  writeIngestSettings,
  writePlantSettings,
} from './settings.ts';

export type Line = {
  readonly agent: Part;
  readonly agentHttpPort: number;
  readonly ingestHttpPort: number;
  readonly databaseUrl: string;
  /** What stands where, for the person at the terminal. */
  readonly places: Readonly<Record<string, string>>;
};

export type LineContext = {
  readonly root: string;
  readonly lifecycle: Lifecycle;
  readonly notice: (line: string) => void;
  readonly gaveUp: (error: Error) => void;
  readonly signal: AbortSignal;
};

/** Longer than the agent's own last flush and the wait for its confirmations. */
const stopAgentMs = 20_000;
const stopOthersMs = 10_000;
/** Beyond it the agent is started all the same: it goes on trying. */
const devicesWithinMs = 15_000;

export async function startLine(options: DemoOptions, context: LineContext): Promise<Line> {
  const { root, lifecycle, notice, gaveUp } = context;
  const { dataFolder } = options;
  await assertFree(options.port, `npm start -- --port ${options.port + 1}`);
  const plant = loadConfig(plantSchema, join(options.plant, 'plant.yaml'));
  const edge = loadEdgeConfig(join(options.plant, 'edge.yaml'), profilesFolder);
  if (options.kafka !== undefined) await assertReachable(options.kafka);
  const at = await placesFor(plant);
  const [agentHttpPort, ingestHttpPort] = [await freePort(), await freePort()];

  const part = (name: string, program: string, args: readonly string[], stopMs: number): Part => {
    const started = startPart({
      name,
      program: process.execPath,
      args: [join(root, program), ...args],
      cwd: root,
      logFile: join(dataFolder, 'logs', `${name}.log`),
      notice,
      gaveUp,
    });
    lifecycle.add(name, async () => {
      await started.stop(stopMs);
    });
    return started;
  };

  // Opened from the field to the page, so closed from the agent back: what it sends last still finds everything there.
  const settings = join(dataFolder, 'settings');
  const example = { folder: options.plant, plant, edge };
  const plantFile = writePlantSettings(settings, example, at);
  part('simulators', 'simulators/src/main.ts', ['run', '--plant', plantFile], stopOthersMs);
  const database = await openDatabase(options.database, dataFolder, { notice, gaveUp });
  lifecycle.add('database', database.close);
  const broker = await openBroker(options.broker);
  lifecycle.add('broker', broker.close);
  const ingestFile = writeIngestSettings(settings, {
    broker: accessOf(broker.url),
    database: accessOf(database.url),
    kafka: options.kafka,
    log: join(dataFolder, 'log'),
    pagePort: options.port,
    httpPort: ingestHttpPort,
  });
  part('ingest', 'cloud-ingest/src/main.ts', ['all', '--config', ingestFile], stopOthersMs);
  const edgeFile = writeEdgeSettings(settings, example, {
    broker: accessOf(broker.url),
    at,
    httpPort: agentHttpPort,
    journal: join(dataFolder, 'journal'),
  });
  await untilListening(plantSettings(plant, at), context.signal);
  const agent = part('agent', 'edge-agent/src/main.ts', ['run', '--config', edgeFile], stopAgentMs);
  return {
    agent,
    agentHttpPort,
    ingestHttpPort,
    databaseUrl: database.url,
    places: {
      page: `http://127.0.0.1:${options.port}`,
      broker: broker.place,
      log: options.kafka === undefined ? join(dataFolder, 'log') : `Kafka at ${options.kafka.join(', ')}`,
      database: database.place,
      settings,
      logs: join(dataFolder, 'logs'),
    },
  };
}

/** The ports of the example where they are free: then other tools find the devices where the example says. */
async function placesFor(plant: Plant): Promise<Relocate> {
  const wanted = plant.servers.flatMap((server) => ('port' in server ? [server.port] : []));
  if (plant.control !== undefined) wanted.push(plant.control.port);
  const ports = new Map<number, number>();
  for (const port of wanted) ports.set(port, await portLike(port));
  return ({ host, port }) => ({ host, port: ports.get(port) ?? port });
}

/** The agent would begin with bad samples if it were there before the devices. */
async function untilListening(plant: Plant, signal: AbortSignal): Promise<void> {
  for (const server of plant.servers) {
    if (!('port' in server)) continue;
    const deadline = performance.now() + devicesWithinMs;
    while (!signal.aborted && performance.now() < deadline && !(await accepts(server.host, server.port)))
      await pause(100, signal);
  }
}

async function assertReachable(brokers: readonly string[]): Promise<void> {
  for (const broker of brokers) {
    const [host = '', port] = broker.split(':');
    if (await accepts(host, Number(port))) return;
  }
  throw new FieldlineError(
    'backbone/unreachable',
    `--kafka: nothing answers at ${brokers.join(', ')}: start Kafka, or leave --kafka out`,
  );
}

const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5_000 });
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(false));
    socket.once('error', () => answer(false));
  });
