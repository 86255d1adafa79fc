/** One gateway at its site: a plant of its own in this process, and a real agent that waits for the database's word. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lifecycle } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';
import { type Served, startPlant } from '@fieldline/simulators';
import { devicesOf, testPlant } from '../../test/line/plant.ts';
import { createProgram, type Program } from '../../test/line/program.ts';

export type Site = {
  readonly gateway: string;
  readonly served: readonly Served[];
  readonly agent: Program;
  readonly journalFolder: string;
};

/** Longer than any run: the journal is the record of what was published. */
const keepConfirmedForMs = 24 * 3_600_000;

export async function startSite(options: {
  readonly gateway: string;
  readonly seed: number;
  readonly folder: string;
  readonly brokerUrl: string;
  readonly lifecycle: Lifecycle;
}): Promise<Site> {
  const { gateway, lifecycle } = options;
  const folder = join(options.folder, gateway);
  mkdirSync(folder, { recursive: true });
  const served: Served[] = [];
  const settings = { ...testPlant(), seed: options.seed };
  // Modbus alone: what crosses the cloud is the same, and an agent takes a third less memory and time to start.
  const modbusOnly = { ...settings, servers: settings.servers.filter(({ protocol }) => protocol !== 'opcua') };
  const plant = await startPlant(modbusOnly, { onServed: (some) => served.push(...some) });
  lifecycle.add(`plant of ${gateway}`, plant.close);
  const port = await freePort();
  const journalFolder = join(folder, 'journal');
  const file = join(folder, 'edge.yaml');
  const edge = {
    gateway,
    uplink: { broker: options.brokerUrl, confirm: 'cloud', resendAfterMs: 3_000 },
    journal: { folder: journalFolder, keepConfirmedForMs },
    http: { port },
    devices: devicesOf(modbusOnly, plant.servers),
  };
  writeFileSync(file, JSON.stringify(edge));
  const agent = createProgram('edge-agent/src/main.ts', ['run', '--config', file], port);
  lifecycle.add(`agent of ${gateway}`, agent.kill);
  await agent.start();
  return { gateway, served, agent, journalFolder };
}
