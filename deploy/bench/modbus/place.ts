/** What both benchmarks stand on: devices, a broker, a stand-in for the cloud, and the agent as images run it. */
import { join } from 'node:path';
import { type EdgeConfig, edgeSchema } from '@fieldline/shared/config';
import { Lifecycle } from '@fieldline/shared/runtime';
import { mosquitto } from '@fieldline/shared/testing/mosquitto';
import type { AgentForm } from '../agent-process.ts';
import type { BenchmarkContext } from '../benchmark.ts';
import { emit } from '../emitted.ts';
import { type StandIn, startStandIn } from '../stand-in.ts';
import { type Fleet, startFleet } from './fleet.ts';

export const devices = 500;
export const tagsPerDevice = 30;
const gateway = 'bench';

export type Place = {
  readonly fleet: Fleet;
  readonly standIn: StandIn;
  readonly config: EdgeConfig;
  readonly form: AgentForm;
  readonly close: () => Promise<void>;
};

export async function openPlace({ root, folder }: BenchmarkContext, everyMs: number): Promise<Place> {
  const life = new Lifecycle();
  try {
    const emitted = join(folder, 'emitted');
    await emit(root, emitted);
    const broker = await mosquitto.start();
    life.add('broker', () => broker.close());
    const standIn = await startStandIn(broker.url, gateway);
    life.add('stand-in', () => standIn.close());
    const fleet = await startFleet(devices, tagsPerDevice, everyMs);
    life.add('fleet', () => fleet.close());
    const config = edgeSchema.parse({ gateway, uplink: { broker: broker.url }, devices: fleet.devices });
    const program = join(emitted, 'edge-agent/src/main.js');
    const form = { name: 'emitted', program, cache: join(folder, 'cache') };
    return { fleet, standIn, config, form, close: () => life.close() };
  } catch (error) {
    await life.close();
    throw error;
  }
}
