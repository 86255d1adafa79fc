/** Plants of any size with the agent's settings for them, for load tests. */
import { type Device, deviceSchema, type Plant, plantSchema, type Signal } from '@fieldline/shared/config';
import type { ServerAddress } from './server.ts';

export type FleetSize = {
  readonly modbusDevices: number;
  readonly registersPerDevice: number;
  readonly opcuaNodes: number;
  /** How often Modbus registers are read. */
  readonly everyMs: number;
  /** How often OPC UA nodes change; the default is 1,000. */
  readonly opcuaEveryMs?: number;
  /** Over how many TCP servers (so many connections) the Modbus units are spread; the default is 1, with at most 247 units each. */
  readonly modbusServers?: number;
  readonly seed?: number;
};

export type Fleet = {
  readonly plant: Plant;
  /** What the agent needs to read it all, given where the plant listens (`startPlant(…).servers`). */
  readonly devices: (servers: readonly Pick<ServerAddress, 'name' | 'host' | 'port' | 'url'>[]) => Device[];
};

const namespace = 'urn:fieldline:fleet';
const mostUnits = 247;

/**
 * Cheap to compute, always in 0–65535, and another value every second: an OPC UA server tells of no value that is like the
 * one before. The odd phase keeps a sine from having the same value on both sides of its top.
 */
const signalOf = (index: number): Signal => {
  switch (index % 3) {
    case 0:
      return { kind: 'ramp', from: 0, to: 60_000, periodMs: 60_000 + (index % 100) * 500 };
    case 1:
      return { kind: 'sine', mean: 30_000, amplitude: 20_000, periodMs: 30_000 + (index % 100) * 500, phase: 0.123 };
    default:
      return { kind: 'counter', start: index, perStep: 7, stepMs: 100, since: '2026-01-01T00:00:00Z' };
  }
};

export function makeFleet(size: FleetSize): Fleet {
  const { modbusDevices, registersPerDevice, opcuaNodes, everyMs, opcuaEveryMs = 1_000, seed = 1 } = size;
  const fewest = Math.ceil(modbusDevices / mostUnits);
  const modbusServers = Math.min(modbusDevices, Math.max(size.modbusServers ?? 1, fewest));
  const registers = Array.from({ length: registersPerDevice }, (_, address) => address);
  const nodes = Array.from({ length: opcuaNodes }, (_, index) => index);
  const placed = Array.from({ length: modbusDevices }, (_, index) => ({
    device: `device-${index + 1}`,
    server: index % modbusServers,
    unit: Math.floor(index / modbusServers) + 1,
    firstSignal: index * registersPerDevice,
  }));
  const plant = plantSchema.parse({
    plant: 'fleet',
    seed,
    servers: [
      ...Array.from({ length: modbusServers }, (_, server) => ({
        protocol: 'modbus-tcp',
        name: `modbus-${server + 1}`,
        port: 0,
        units: placed
          .filter((one) => one.server === server)
          .map(({ device, unit, firstSignal }) => ({
            name: device,
            unit,
            points: registers.map((address) => ({
              name: `r${address}`,
              address,
              type: 'uint16',
              signal: signalOf(firstSignal + address),
            })),
          })),
      })),
      ...(opcuaNodes === 0
        ? []
        : [
            {
              protocol: 'opcua',
              name: 'opcua',
              port: 0,
              namespace,
              nodes: nodes.map((index) => ({
                name: `n${index}`,
                type: 'float64',
                everyMs: opcuaEveryMs,
                signal: signalOf(index),
              })),
            },
          ]),
    ],
  });
  return {
    plant,
    devices: (servers) => {
      const addressOf = (name: string): Pick<ServerAddress, 'host' | 'port' | 'url'> => {
        const found = servers.find((server) => server.name === name);
        if (found === undefined) throw new Error(`the plant does not run a server ${name}`);
        return found;
      };
      const modbus = placed.map(({ device, server, unit }) => {
        const { host, port } = addressOf(`modbus-${server + 1}`);
        const tags = registers.map((address) => ({ tag: `r${address}`, address, type: 'uint16' }));
        return { device, protocol: 'modbus', link: { kind: 'tcp', host, port }, unit, everyMs, tags };
      });
      const opcua = {
        device: 'opcua',
        protocol: 'opcua',
        endpoint: opcuaNodes === 0 ? '' : addressOf('opcua').url,
        security: { policy: 'None', mode: 'None' },
        tags: nodes.map((index) => ({ tag: `n${index}`, node: `nsu=${namespace};s=n${index}`, type: 'float64' })),
      };
      return [...modbus, ...(opcuaNodes === 0 ? [] : [opcua])].map((device) => deviceSchema.parse(device));
    },
  };
}
