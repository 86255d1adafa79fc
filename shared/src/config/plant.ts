import { z } from 'zod';
import { valueTypes } from '../contracts/sample.ts';
import { stretchesText } from './modbus-address.ts';
import { filePlaceShape, placeKeyProblems, recordPosition, recordsPerFile } from './modbus-file.ts';
import { byteOrders, layoutShape, type ModbusTable, modbusTables, registerProblems } from './modbus-registers.ts';
import { registerCount } from './modbus-types.ts';
import { durationMs, filePath, host, id, listenPort, port } from './units.ts';

/** A value as a pure function of time and seed: `valueAt(signal, seed, time)` gives the same at the simulator and in a test. */
export const signalSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), value: z.union([z.number(), z.boolean(), z.string()]) }),
  z.strictObject({ kind: z.literal('ramp'), from: z.number(), to: z.number(), periodMs: durationMs }),
  z.strictObject({
    kind: z.literal('sine'),
    mean: z.number(),
    amplitude: z.number(),
    periodMs: durationMs,
    phase: z.number().min(0).max(1).default(0).describe('part of a period that it is ahead'),
  }),
  z.strictObject({
    kind: z.literal('square'),
    low: z.number().default(0),
    high: z.number().default(1),
    periodMs: durationMs,
    duty: z.number().min(0).max(1).default(0.5).describe('part of the period that it is high, from the beginning'),
  }),
  z.strictObject({
    kind: z.literal('noise'),
    mean: z.number(),
    deviation: z.number().nonnegative().describe('standard deviation; cut off at four of them'),
    stepMs: durationMs.default(1_000),
  }),
  z
    .strictObject({
      kind: z.literal('random-walk'),
      start: z.number(),
      step: z.number().positive().describe('the most that it moves in stepMs'),
      minimum: z.number(),
      maximum: z.number(),
      stepMs: durationMs.default(1_000),
    })
    .refine(({ minimum, maximum }) => minimum <= maximum, { path: ['maximum'], error: 'must not be below minimum' }),
  z.strictObject({
    kind: z.literal('counter'),
    start: z
      .union([z.int(), z.string().regex(/^-?\d+$/)])
      .default(0)
      .describe('as a text beyond 2^53'),
    perStep: z.int().default(1),
    stepMs: durationMs.default(1_000),
    since: z.iso.datetime().default('2026-01-01T00:00:00Z'),
  }),
  z.strictObject({
    kind: z.literal('replay'),
    file: filePath.describe('CSV: a value per line'),
    column: z.int().nonnegative().default(0),
    stepMs: durationMs.default(1_000),
  }),
]);
export type Signal = z.infer<typeof signalSchema>;

const seed = z
  .int()
  .nonnegative()
  .optional()
  .describe('where it differs from one made from the plant seed and the name');

const modbusPointObject = z.strictObject({
  name: id,
  table: z.enum(modbusTables).default('holding'),
  address: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('as on the wire, from 0; needed unless file and record are stated'),
  ...filePlaceShape,
  ...layoutShape,
  scale: z
    .number()
    .refine((scale) => scale !== 0, 'scale 0 leaves nothing of the signal')
    .optional()
    .describe('registers = (signal − offset) ÷ scale'),
  offset: z.number().optional(),
  signal: signalSchema,
  seed,
});
export const modbusPointSchema = modbusPointObject.superRefine((point, context) => {
  const issue = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
  const { table, first } = placeOfPoint(point);
  for (const [key, message] of registerProblems(point, table)) issue(key, message);
  const stated = { ...point, table: point.table === 'holding' ? undefined : point.table };
  for (const [key, message] of placeKeyProblems(stated)) issue(key, message);
  const end = first + registerCount(point);
  if (table !== 'file' && end > 65_536) issue('address', 'the last register is 65535');
  if (table === 'file' && (first % recordsPerFile) + registerCount(point) > recordsPerFile) {
    issue('record', `the last record of a file is ${recordsPerFile - 1}`);
  }
});
export type ModbusPoint = z.infer<typeof modbusPointSchema>;

/** Where a point stands: by its address on the wire, or in a file by its place among the records of all files. */
export const placeOfPoint = (point: ModbusPoint): { readonly table: ModbusTable; readonly first: number } =>
  point.file === undefined || point.record === undefined
    ? { table: point.table, first: point.address ?? 0 }
    : { table: 'file', first: recordPosition(point.file, point.record) };

const modbusUnitObject = z.strictObject({
  name: id.describe('of the simulated device; unique in the plant'),
  unit: z.int().min(0).max(255).default(1),
  byteOrder: z.enum(byteOrders).default('ABCD'),
  points: z.array(modbusPointSchema).min(1),
});
export const modbusUnitSchema = modbusUnitObject.superRefine((unit, context) => {
  const issue = (position: number, key: string, message: string): void =>
    context.addIssue({ code: 'custom', path: ['points', position, key], message });
  const names = new Set<string>();
  const taken = new Map<`${ModbusTable} ${number}`, ModbusPoint[]>();
  for (const [position, point] of unit.points.entries()) {
    if (names.has(point.name)) issue(position, 'name', 'another point of this unit has this name');
    names.add(point.name);
    const { table, first } = placeOfPoint(point);
    for (let register = first; register < first + registerCount(point); register++) {
      const holders = taken.get(`${table} ${register}`) ?? [];
      const rival = holders.find((holder) => shareBits(holder, point));
      if (rival !== undefined) {
        const key = table === 'file' ? 'record' : 'address';
        issue(
          position,
          key,
          `${stretchesText(table, [{ first: register, count: 1 }], 0)} already belongs to ${rival.name}`,
        );
        break;
      }
      taken.set(`${table} ${register}`, [...holders, point]);
    }
  }
});
/** Which bits of its registers are a point's own: of one register, or of the same registers. */
function bitsOf({ type, bit, bits, byte }: ModbusPoint): readonly [number, number] | null {
  if (bit !== undefined) return [bit, bit];
  if (type === 'int8' || type === 'uint8') return byte === 'high' ? [8, 15] : [0, 7];
  return bits ?? null;
}

function shareBits(one: ModbusPoint, other: ModbusPoint): boolean {
  const [ofOne, ofOther] = [bitsOf(one), bitsOf(other)];
  const alike = placeOfPoint(one).first === placeOfPoint(other).first && registerCount(one) === registerCount(other);
  if (ofOne === null || ofOther === null || !alike) return true;
  return ofOne[0] <= ofOther[1] && ofOther[0] <= ofOne[1];
}

export type ModbusUnit = z.infer<typeof modbusUnitSchema>;

export const opcuaNodeSchema = z.strictObject({
  name: id,
  node: z
    .string()
    .regex(/^s=.+$/)
    .optional()
    .describe('s=… in the namespace of the server; the default is s= and the name'),
  type: z.enum(valueTypes).default('float64'),
  everyMs: durationMs.default(1_000).describe('how often the value is set, with its source time'),
  signal: signalSchema,
  seed,
});
export type OpcuaNode = z.infer<typeof opcuaNodeSchema>;

const serverName = id
  .optional()
  .describe(
    'in the fault control, the log and the seeds; the default is made of its protocol and its place in the file, e.g. modbus-tcp-1',
  );
const units = z
  .array(modbusUnitSchema)
  .min(1)
  .superRefine((list, context) => {
    for (const [position, { unit }] of list.entries()) {
      if (list.findIndex((other) => other.unit === unit) < position) {
        context.addIssue({
          code: 'custom',
          path: [position, 'unit'],
          message: 'another unit of this server has this number',
        });
      }
    }
  });

const networkServer = { name: serverName, host: host.default('127.0.0.1'), port: listenPort, units };
const serialServer = {
  name: serverName,
  path: z.string().min(1),
  baudRate: z.int().positive().default(19_200),
  parity: z.enum(['none', 'even', 'odd']).default('even'),
  units,
};

export const simulatorServerSchema = z.discriminatedUnion('protocol', [
  z.strictObject({
    protocol: z.literal('modbus-tcp'),
    name: serverName,
    host: host.default('127.0.0.1'),
    port: listenPort.default(502),
    units,
  }),
  z.strictObject({ protocol: z.literal('modbus-udp'), ...networkServer }),
  z.strictObject({ protocol: z.literal('modbus-rtu-over-tcp'), ...networkServer }),
  z.strictObject({ protocol: z.literal('modbus-ascii-over-tcp'), ...networkServer }),
  z.strictObject({ protocol: z.literal('modbus-rtu'), ...serialServer }),
  z.strictObject({
    protocol: z.literal('modbus-ascii'),
    ...serialServer,
    dataBits: z.union([z.literal(7), z.literal(8)]).default(7),
  }),
  z.strictObject({
    protocol: z.literal('modbus-dial-in'),
    name: serverName,
    host: host.describe('of the gateway that it dials'),
    port,
    framing: z.enum(['tcp', 'rtu', 'ascii']).default('rtu'),
    registration: z.string().max(128).default('').describe('what it says first'),
    heartbeat: z.string().max(128).default('').describe('what it says every heartbeatMs'),
    heartbeatMs: durationMs.default(30_000),
    redialMs: durationMs.default(1_000),
    units,
  }),
  z.strictObject({
    protocol: z.literal('opcua'),
    host: host.default('127.0.0.1'),
    port: listenPort.default(4840),
    path: z.string().startsWith('/').default('/fieldline'),
    namespace: z.string().min(1).default('urn:fieldline:simulator'),
    name: id.describe('of the simulated device; unique in the plant'),
    users: z
      .array(
        z.strictObject({
          username: z.string().min(1).describe('where users are named, nobody else gets in'),
          passwordFile: filePath,
        }),
      )
      .default([]),
    nodes: z
      .array(opcuaNodeSchema)
      .min(1)
      .superRefine((list, context) => {
        const names = new Set<string>();
        for (const [position, { name }] of list.entries()) {
          if (names.has(name)) {
            context.addIssue({
              code: 'custom',
              path: [position, 'name'],
              message: 'another node of this server has this name',
            });
          }
          names.add(name);
        }
      }),
  }),
]);
/** Servers of one protocol: `ServerOf<'opcua'>`. */
export type ServerOf<Protocol extends SimulatorServer['protocol']> = Extract<SimulatorServer, { protocol: Protocol }>;
export type SimulatorServer = z.infer<typeof simulatorServerSchema>;

const plantObject = z.strictObject({
  plant: id,
  seed: z.int().nonnegative().default(1),
  servedLog: filePath
    .optional()
    .describe('JSON lines: every value served, with its time; the evidence that tests check against'),
  control: z
    .strictObject({ host: host.default('127.0.0.1'), port: listenPort })
    .optional()
    .describe('HTTP: faults on command'),
  servers: z.array(simulatorServerSchema).min(1),
});
export const plantSchema = plantObject.superRefine((plant, context) => {
  const names = new Set<string>();
  const take = (name: string, path: PropertyKey[]): void => {
    if (names.has(name))
      context.addIssue({ code: 'custom', path, message: 'another device or server of this plant has this name' });
    names.add(name);
  };
  for (const [position, server] of plant.servers.entries()) {
    if (server.name !== undefined) take(server.name, ['servers', position, 'name']);
    if (server.protocol === 'opcua') continue;
    for (const [index, unit] of server.units.entries()) take(unit.name, ['servers', position, 'units', index, 'name']);
  }
});
export type Plant = z.infer<typeof plantSchema>;
