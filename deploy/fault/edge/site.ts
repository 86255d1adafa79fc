/** One gateway at its site: a plant of its own in this process, a real agent with its disk, its clock and its link to the broker. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '@fieldline/shared/config';
import type { Lifecycle } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';
import { mountSmallDisk, type SmallDisk } from '@fieldline/shared/testing/small-disk';
import { type Served, startPlant } from '@fieldline/simulators';
import { createProgram, type Program } from '../../test/line/program.ts';
import { createProcessClock, type ProcessClock, systemsClock } from './clock.ts';
import { type Link, startLink } from './link.ts';
import { countingPlant, devicesOf } from './plant.ts';

/** When the agent was told to end, ms since 1970, and how. */
export type End = { readonly atMs: number; readonly how: 'killed' | 'stopped' };

/** ms since 1970: begun, and up or given up. In between it opened its journal. */
export type Start = { readonly begunMs: number; readonly upMs: number };

export type Agent = Program & {
  readonly ends: readonly End[];
  readonly starts: readonly Start[];
  /** What it said when it did not start, a sentence each. */
  readonly failedStarts: readonly string[];
  readonly opsPort: number;
};

export type Site = {
  readonly gateway: string;
  readonly served: readonly Served[];
  readonly devices: readonly Device[];
  readonly agent: Agent;
  readonly journalFolder: string;
  readonly link: Link;
  readonly clock: ProcessClock;
  /** null where nothing may be mounted. */
  readonly disk: SmallDisk | null;
};

export type SiteOptions = {
  readonly gateway: string;
  readonly folder: string;
  readonly brokerPort: number;
  readonly withOpcua: boolean;
  /** The journal is small and soon full, of what is confirmed: what is not sent within seconds is thinned. */
  readonly isFull: boolean;
  readonly ownDisk: boolean;
  readonly ownClock: boolean;
  readonly lifecycle: Lifecycle;
};

const diskBytes = 4 * 1024 ** 2;
/** So that there are files to look into at the end. */
const roomyJournal = { keepConfirmedForMs: 20_000 };
const fullJournal = { keepConfirmedForMs: 3_600_000, maxBytes: 1024 ** 2, segmentBytes: 32 * 1024 };
/** Kept between runs: making the keys of an OPC UA server takes seconds. */
const certificateFolder = join(import.meta.dirname, '../../../.fieldline/test-certificates');

export async function startSite(options: SiteOptions): Promise<Site> {
  const { gateway, lifecycle } = options;
  const folder = join(options.folder, gateway);
  mkdirSync(folder, { recursive: true });
  const served: Served[] = [];
  const more = { withOpcua: options.withOpcua, withMany: options.isFull };
  const plant = await startPlant(countingPlant(more), {
    onServed: (some) => served.push(...some),
    certificateFolder,
  });
  lifecycle.add(`plant of ${gateway}`, plant.close);
  const link = await startLink(options.brokerPort);
  lifecycle.add(`link of ${gateway}`, link.close);
  const disk = options.ownDisk ? mountSmallDisk(diskBytes) : null;
  if (disk !== null) lifecycle.add(`disk of ${gateway}`, disk.close);
  const clock = options.ownClock ? createProcessClock(folder) : systemsClock;
  const journalFolder = join(disk?.folder ?? folder, 'journal');
  const devices = devicesOf(plant.servers, more);
  const { isFull } = options;
  const agent = await createAgent({ gateway, folder, journalFolder, devices, brokerPort: link.port, clock, isFull });
  lifecycle.add(`agent of ${gateway}`, agent.kill);
  await agent.start();
  return { gateway, served, devices, agent, journalFolder, link, clock, disk };
}

export async function createAgent(settings: {
  readonly gateway: string;
  /** For its settings. */
  readonly folder: string;
  readonly journalFolder: string;
  readonly devices: readonly Device[];
  readonly brokerPort: number;
  readonly clock: ProcessClock;
  readonly isFull: boolean;
}): Promise<Agent> {
  const { gateway, folder, journalFolder, devices, brokerPort, clock, isFull } = settings;
  const opsPort = await freePort();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'edge.yaml');
  const uplink = {
    broker: `mqtt://127.0.0.1:${brokerPort}`,
    // Soon enough that a run sees an agent notice a link that swallows, again and again.
    keepaliveMs: 2_000,
    connectTimeoutMs: 3_000,
    resendAfterMs: 3_000,
    ...(isFull ? { compression: 'none' } : {}),
  };
  const journal = { folder: journalFolder, ...(isFull ? fullJournal : roomyJournal) };
  writeFileSync(file, JSON.stringify({ gateway, uplink, journal, http: { port: opsPort }, devices }));
  const program = createProgram('edge-agent/src/main.ts', ['run', '--config', file], opsPort, clock.env);
  const ends: End[] = [];
  const starts: Start[] = [];
  const failedStarts: string[] = [];
  return {
    ...program,
    ends,
    starts,
    failedStarts,
    opsPort,
    kill: () => {
      ends.push({ atMs: Date.now(), how: 'killed' });
      return program.kill();
    },
    stop: () => {
      ends.push({ atMs: Date.now(), how: 'stopped' });
      return program.stop();
    },
    start: async () => {
      const before = ends.length;
      const begunMs = Date.now();
      try {
        await program.start();
      } catch (error) {
        // One that was ended meanwhile had no chance.
        if (ends.length === before) failedStarts.push(`${gateway} did not start: ${program.log().slice(-1_000)}`);
        throw error;
      } finally {
        starts.push({ begunMs, upMs: Date.now() });
      }
    },
  };
}
