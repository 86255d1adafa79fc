/** Runs the bare poller beside the devices and the broker of the agent. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Device } from '@fieldline/shared/config';
import { pause, systemClock } from '@fieldline/shared/runtime';
import { reapServer } from '@fieldline/shared/testing/reaper';
import type { AgentProcess } from '../agent-process.ts';
import { usageOf } from '../machine.ts';
import type { BareDevice, BareOptions } from './bare-process.ts';
import type { Place } from './place.ts';

const program = fileURLToPath(new URL('bare-process.ts', import.meta.url));
/** As the agent's own. */
const flushMs = 500;

export type Times = { readonly warmUpMs: number; readonly measureMs: number };

/** A program that was begun. */
export type Begun = Pick<AgentProcess, 'pid' | 'spawnedAt' | 'stop'>;

export function startBare({ config, form }: Place, folder: string, everyMs: number): Begun {
  mkdirSync(folder, { recursive: true });
  const [broker = ''] = [config.uplink.broker].flat();
  const options: BareOptions = {
    devices: config.devices.map(bareDeviceOf),
    everyMs,
    flushMs,
    file: join(folder, 'bare.sqlite'),
    broker,
  };
  const spawnedAt = systemClock.now();
  const child = fork(program, [JSON.stringify(options)], { env: { ...process.env, NODE_COMPILE_CACHE: form.cache } });
  reapServer(child);
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  };
  return { pid: child.pid ?? 0, spawnedAt, stop };
}

/** CPU time of the bare poller, in % of a core. */
export async function measureBare(
  place: Place,
  folder: string,
  everyMs: number,
  { warmUpMs, measureMs }: Times,
  signal: AbortSignal,
): Promise<number> {
  const { config, fleet } = place;
  const bare = startBare(place, folder, everyMs);
  try {
    await pause(warmUpMs, signal);
    await fleet.requests();
    const before = usageOf(bare.pid);
    const begunMs = performance.now();
    await pause(measureMs, signal);
    const seconds = (performance.now() - begunMs) / 1_000;
    const after = usageOf(bare.pid);
    const requests = (await fleet.requests()).length;
    const wanted = (config.devices.length * measureMs) / everyMs;
    if (requests < 0.95 * wanted) throw new Error(`the bare poller sent ${requests} of ${wanted} requests`);
    return (100 * (after.cpuSeconds - before.cpuSeconds)) / seconds;
  } finally {
    await bare.stop();
  }
}

function bareDeviceOf(device: Device): BareDevice {
  if (device.protocol !== 'modbus' || device.link.kind !== 'tcp') throw new Error('there is no Modbus TCP device');
  const addresses = device.tags.flatMap(({ address }) => address ?? []);
  const first = Math.min(...addresses);
  const table = device.tags[0]?.table;
  return {
    port: device.link.port,
    unit: device.unit,
    functionCode: table === 'input' ? 4 : 3,
    first,
    registers: Math.max(...addresses) - first + 1,
  };
}
