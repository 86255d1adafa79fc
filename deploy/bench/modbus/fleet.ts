/** Simulated Modbus devices in a process of their own, and their log of requests. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Device } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import { reapServer } from '@fieldline/shared/testing/reaper';
import { type FleetSize, makeFleet, type ServerAddress } from '@fieldline/simulators';

/** Which device, when, and for how many registers. */
export type FleetRequest = readonly [device: string, time: Micros, registers: number];

/** `forget`: the log begins anew. `tell`: so it does, and what was in it is answered. */
export type FleetOrder = 'forget' | 'tell';
export type FleetAnswer =
  | { readonly kind: 'servers'; readonly servers: readonly ServerAddress[] }
  /** Of the first request in the log. */
  | { readonly kind: 'first'; readonly time: Micros }
  | { readonly kind: 'requests'; readonly requests: readonly FleetRequest[] };

export type Fleet = {
  /** As the settings of an agent. */
  readonly devices: readonly Device[];
  /** The log begins anew; resolves with the time of its first request. */
  readonly firstRequest: (signal: AbortSignal) => Promise<Micros>;
  /** Those since the log was last begun; it begins anew. */
  readonly requests: () => Promise<readonly FleetRequest[]>;
  readonly close: () => Promise<void>;
};

const program = fileURLToPath(new URL('fleet-process.ts', import.meta.url));

export async function startFleet(modbusDevices: number, registersPerDevice: number, everyMs: number): Promise<Fleet> {
  const size: FleetSize = {
    modbusDevices,
    registersPerDevice,
    opcuaNodes: 0,
    everyMs,
    // A connection for each.
    modbusServers: modbusDevices,
  };
  const child = fork(program, [JSON.stringify(size)]);
  reapServer(child);
  const died = once(child, 'exit').then((): never => {
    throw new Error('the devices did not stay up');
  });
  // At the end it is wanted, and nobody waits for an answer.
  died.catch(() => {});
  const answerOf = async <Kind extends FleetAnswer['kind']>(
    kind: Kind,
    signal?: AbortSignal,
  ): Promise<Extract<FleetAnswer, { kind: Kind }>> => {
    for (;;) {
      const [answer]: FleetAnswer[] = await Promise.race([
        once(child, 'message', signal === undefined ? {} : { signal }),
        died,
      ]);
      if (answer?.kind === kind) return answer as Extract<FleetAnswer, { kind: Kind }>;
    }
  };
  const ask = (order: FleetOrder): void => void child.send(order);
  const { servers } = await answerOf('servers');
  return {
    devices: makeFleet(size).devices(servers),
    firstRequest: async (signal) => {
      ask('forget');
      return (await answerOf('first', signal)).time;
    },
    requests: async () => {
      ask('tell');
      return (await answerOf('requests')).requests;
    },
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
