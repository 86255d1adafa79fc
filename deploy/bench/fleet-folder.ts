/** A fleet as a folder with plant.yaml and edge.yaml, as the demonstration takes it with --plant. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Device, edgeSchema } from '@fieldline/shared/config';
import { type FleetSize, makeFleet } from '@fieldline/simulators';

export type FleetFolder = { readonly folder: string; readonly samplesPerSecond: number };

/** Below the ports that systems give to clients; where one is taken, the demonstration moves that server elsewhere. */
const firstPort = 21_000;

export function writeFleet(folder: string, size: FleetSize): FleetFolder {
  const fleet = makeFleet(size);
  const servers = fleet.plant.servers.map((server, index) =>
    'port' in server ? { ...server, port: firstPort + index } : server,
  );
  const addresses = servers.flatMap((server) => {
    if (!('port' in server)) return [];
    const { name = '', host, port } = server;
    const url = server.protocol === 'opcua' ? `opc.tcp://${host}:${port}${server.path}` : `tcp://${host}:${port}`;
    return [{ name, host, port, url }];
  });
  mkdirSync(folder, { recursive: true });
  write(folder, 'plant', { ...fleet.plant, servers });
  write(folder, 'edge', edgeOf(fleet.devices(addresses)));
  const modbus = (size.modbusDevices * size.registersPerDevice * 1_000) / size.everyMs;
  return { folder, samplesPerSecond: modbus + (size.opcuaNodes * 1_000) / (size.opcuaEveryMs ?? 1_000) };
}

const edgeOf = (devices: readonly Device[]): unknown =>
  edgeSchema.parse({ gateway: 'bench', uplink: { broker: 'mqtt://127.0.0.1:1883' }, devices });

/** JSON is YAML, and ten thousand registers are written at once in it. */
const write = (folder: string, name: string, settings: unknown): void =>
  writeFileSync(join(folder, `${name}.yaml`), `${JSON.stringify(settings)}\n`);
