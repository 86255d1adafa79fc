/** A real agent with such a journal comes back to its broker, while it reads 1,000 values a second. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { edgeSchema } from '@fieldline/shared/config';
import { mosquitto } from '@fieldline/shared/testing/mosquitto';
import { makeFleet, startPlant } from '@fieldline/simulators';
import { plantSettings } from '../../demo/settings.ts';
import { startAgentProcess } from '../agent-process.ts';
import { emit } from '../emitted.ts';
import { usageOf } from '../machine.ts';

export type CloudOptions = {
  readonly brokerUrl: string;
  readonly gateway: string;
  readonly backlogBatches: number;
};

/** What the cloud has of the backlog, and how late the live batches were, by their oldest sample. */
export type Taken = {
  readonly batches: number;
  readonly samples: number;
  readonly doubled: number;
  readonly latenessMs: readonly number[];
};

export type Drained = Taken & { readonly seconds: number; readonly cpuSeconds: number; readonly mostBytes: number };

const devices = 20;
const registersPerDevice = 50;

/** `folder`: with the journal in `journal`. */
export async function drainBacklog(
  root: string,
  folder: string,
  gateway: string,
  backlogBatches: number,
  signal: AbortSignal,
): Promise<Drained> {
  const broker = await mosquitto.start();
  const fleet = makeFleet({
    modbusDevices: devices,
    registersPerDevice,
    opcuaNodes: 0,
    everyMs: 1_000,
    modbusServers: devices,
  });
  const plant = await startPlant(
    plantSettings(fleet.plant, ({ host }) => ({ host, port: 0 })),
    { baseFolder: folder },
  );
  const options: CloudOptions = { brokerUrl: broker.url, gateway, backlogBatches };
  const cloud = new Worker(new URL('cloud-worker.ts', import.meta.url), { workerData: options });
  try {
    await once(cloud, 'message', { signal });
    const config = edgeSchema.parse({ gateway, uplink: { broker: broker.url }, devices: fleet.devices(plant.servers) });
    const emitted = join(folder, 'emitted');
    await emit(root, emitted);
    const form = { name: 'emitted', program: join(emitted, 'edge-agent/src/main.js'), cache: join(folder, 'cache') };
    const begun = performance.now();
    const agent = await startAgentProcess(form, config, folder);
    try {
      const [taken]: [Taken] = (await once(cloud, 'message', { signal })) as [Taken];
      const { cpuSeconds } = usageOf(agent.pid);
      return { ...taken, seconds: (performance.now() - begun) / 1_000, cpuSeconds, mostBytes: mostBytesOf(agent.pid) };
    } finally {
      await agent.stop();
    }
  } finally {
    await cloud.terminate();
    await plant.close();
    await broker.close();
  }
}

const mostBytesOf = (pid: number): number =>
  1_024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
