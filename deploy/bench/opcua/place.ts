/** What both benchmarks stand on: servers, a broker, a stand-in for the cloud, and the agent as images run it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type EdgeConfig, edgeSchema } from '@fieldline/shared/config';
import { Lifecycle } from '@fieldline/shared/runtime';
import { mosquitto } from '@fieldline/shared/testing/mosquitto';
import type { AgentForm } from '../agent-process.ts';
import type { BenchmarkContext } from '../benchmark.ts';
import { emit } from '../emitted.ts';
import { type StandIn, startStandIn } from '../stand-in.ts';
import { type Servers, type Size, startServers } from './servers.ts';

const gateway = 'bench';
export const publishingMs = 100;
export const flushMs = 100;

export type Place = {
  readonly servers: Servers;
  readonly standIn: StandIn;
  readonly config: EdgeConfig;
  readonly form: AgentForm;
  readonly close: () => Promise<void>;
};

export async function openPlace({ root, folder }: BenchmarkContext, size: Size): Promise<Place> {
  const life = new Lifecycle();
  try {
    const emitted = join(folder, 'emitted');
    if (!existsSync(emitted)) await emit(root, emitted);
    const broker = await mosquitto.start();
    life.add('broker', () => broker.close());
    const standIn = await startStandIn(broker.url, gateway, true);
    life.add('stand-in', () => standIn.close());
    const servers = await startServers(size, publishingMs, join(folder, 'servers'));
    life.add('servers', () => servers.close());
    const config = edgeSchema.parse({
      gateway,
      uplink: { broker: broker.url },
      journal: { flushMs },
      devices: servers.devices,
    });
    const program = join(emitted, 'edge-agent/src/main.js');
    const form = { name: 'emitted', program, cache: join(folder, 'cache') };
    return { servers, standIn, config, form, close: () => life.close() };
  } catch (error) {
    await life.close();
    throw error;
  }
}
