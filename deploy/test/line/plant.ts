/** A small plant with every type that a device can have, and the agent's devices for it: nothing filtered unless said. */
import {
  type Device,
  deviceSchema,
  type ModbusPoint,
  type OpcuaNode,
  type Plant,
  plantSchema,
} from '@fieldline/shared/config';
import { valueTypes } from '@fieldline/shared/contracts';
import type { ServerAddress } from '@fieldline/simulators';

/** Less than half of it is how far the times of a reading may differ between simulator and agent. */
export const everyMs = 500;
export const opcuaDevice = 'line';
const namespace = 'urn:fieldline:test-line';

const sine = (mean: number, amplitude: number) => ({ kind: 'sine', mean, amplitude, periodMs: 17_000 });
const counter = (start: string | number) => ({ kind: 'counter', start, perStep: 1, stepMs: 10 });
const square = (periodMs: number) => ({ kind: 'square', periodMs });

const points = [
  { name: 'coil', table: 'coil', address: 3, type: 'bool', signal: square(3_000) },
  { name: 'switch', table: 'discrete', address: 11, type: 'bool', signal: square(4_200) },
  { name: 'bit', address: 0, type: 'bool', bit: 5, signal: square(2_600) },
  { name: 'int16', address: 1, type: 'int16', signal: sine(0, 30_000) },
  { name: 'uint16', address: 2, type: 'uint16', signal: sine(30_000, 20_000) },
  { name: 'int32', address: 4, type: 'int32', byteOrder: 'CDAB', signal: sine(0, 2_000_000_000) },
  { name: 'uint32', address: 6, type: 'uint32', byteOrder: 'BADC', signal: counter(4_000_000_000) },
  { name: 'int64', address: 8, type: 'int64', signal: counter('-9007199254740993') },
  { name: 'uint64', address: 12, type: 'uint64', byteOrder: 'DCBA', signal: counter('18446744060000000000') },
  { name: 'float32', address: 20, type: 'float32', signal: sine(2.5, 1.5) },
  { name: 'float64', address: 22, type: 'float64', byteOrder: 'CDAB', signal: sine(1e9, 1e3) },
  { name: 'text', address: 30, type: 'string', registers: 8, signal: { kind: 'constant', value: 'Füllen §1' } },
  { name: 'int8', address: 40, type: 'int8', byte: 'high', signal: sine(0, 120) },
  { name: 'uint8', address: 40, type: 'uint8', signal: sine(120, 110) },
  { name: 'field', address: 41, type: 'uint16', bits: [4, 11], signal: sine(100, 90) },
  { name: 'int24', address: 42, type: 'int24', byteOrder: 'CDAB', signal: sine(0, 8_000_000) },
  { name: 'uint48', address: 44, type: 'uint48', signal: counter('281474976710000') },
  { name: 'float16', address: 47, type: 'float16', signal: sine(0, 100) },
  { name: 'bcd', address: 48, type: 'bcd', registers: 4, signal: counter('9999999999000000') },
  { name: 'mod10000', address: 52, type: 'mod10000', registers: 3, signed: true, signal: sine(0, 900_000_000_000) },
  {
    name: 'low-bytes',
    address: 55,
    type: 'string',
    registers: 6,
    characters: 'low-byte',
    signal: { kind: 'constant', value: 'PUMP-7' },
  },
  {
    name: 'clock',
    address: 61,
    type: 'time',
    timeForm: 'iec870',
    utcOffsetMinutes: 60,
    signal: { kind: 'counter', start: '1767225600000000', perStep: 10_000, stepMs: 10 },
  },
  { name: 'halves', address: 65, type: 'uint64', byteOrder: 'EFGHABCD', signal: counter('18446744060000000000') },
  { name: 'scaled', table: 'input', address: 7, type: 'int16', scale: 0.1, offset: -40, signal: sine(20, 60) },
];

const nodeSignals: Record<string, object> = {
  bool: square(1_000),
  string: { kind: 'constant', value: 'läuft' },
  int64: counter('-9007199254740993'),
  uint64: counter('18446744060000000000'),
  int8: sine(0, 120),
  uint8: sine(120, 120),
};

export const testPlant = (): Plant =>
  plantSchema.parse({
    plant: 'test-line',
    seed: 42,
    servers: [
      {
        protocol: 'modbus-tcp',
        name: 'modbus',
        port: 0,
        units: [
          { name: 'plc', unit: 1, points },
          {
            name: 'meter',
            unit: 2,
            points: [{ name: 'power', table: 'input', address: 0, type: 'float32', signal: sine(5_000, 4_000) }],
          },
        ],
      },
      {
        protocol: 'opcua',
        name: opcuaDevice,
        port: 0,
        namespace,
        nodes: valueTypes.map((type) => ({ name: type, type, everyMs, signal: nodeSignals[type] ?? sine(1_000, 900) })),
      },
    ],
  });

/** `only`: the devices wanted, by name; all if left out. */
export function devicesOf(plant: Plant, servers: readonly ServerAddress[], only?: readonly string[]): Device[] {
  const devices = plant.servers.flatMap((server, index): object[] => {
    const address = servers[index];
    if (address === undefined) throw new Error(`server ${index} of the plant does not run`);
    if (server.protocol === 'opcua') {
      return [
        {
          device: server.name,
          protocol: 'opcua',
          endpoint: address.url,
          security: { policy: 'None', mode: 'None' },
          publishingMs: 100,
          samplingMs: 100,
          tags: server.nodes.map(({ name, type }: OpcuaNode) => ({
            tag: name,
            node: `nsu=${namespace};s=${name}`,
            type,
          })),
        },
      ];
    }
    return server.units.map(({ name, unit, points: ofUnit }) => ({
      device: name,
      protocol: 'modbus',
      link: { kind: 'tcp', host: address.host, port: address.port },
      unit,
      everyMs,
      // Of a busy machine: what comes later is a bad sample, although it was served.
      timeoutMs: 2_000,
      tags: ofUnit.map(({ name: tag, signal: _, seed: __, ...register }: ModbusPoint) => ({ tag, ...register })),
    }));
  });
  return devices.map((device) => deviceSchema.parse(device)).filter(({ device }) => only?.includes(device) ?? true);
}
