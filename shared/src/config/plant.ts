import { z } from 'zod';
import { valueTypes } from '../contracts/sample.ts';
import { byteOrders, modbusTables, modbusTypes } from './modbus.ts';
import { durationMs, filePath, host, id, listenPort } from './units.ts';

/** A value as a pure function of time and seed: `valueAt(signal, seed, time)` gives the same at the simulator and in a test. */
export const signalSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), value: z.union([z.number(), z.boolean(), z.string()]) }),
  z.strictObject({ kind: z.literal('ramp'), from: z.number(), to: z.number(), periodMs: durationMs }),
  z.strictObject({
    kind: z.literal('sine'),
    mean: z.number(),
    amplitude: z.number(),
    periodMs: durationMs,
    phase: z.number().min(0).max(1).default(0),
  }),
  z.strictObject({
    kind: z.literal('square'),
    low: z.number().default(0),
    high: z.number().default(1),
    periodMs: durationMs,
    duty: z.number().min(0).max(1).default(0.5),
  }),
  z.strictObject({
    kind: z.literal('noise'),
    mean: z.number(),
    deviation: z.number().nonnegative(),
    stepMs: durationMs.default(1_000),
  }),
  z.strictObject({
    kind: z.literal('random-walk'),
    start: z.number(),
    step: z.number().positive(),
    minimum: z.number(),
    maximum: z.number(),
    stepMs: durationMs.default(1_000),
  }),
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

export const modbusPointSchema = z.strictObject({
  name: id,
  table: z.enum(modbusTables).default('holding'),
  address: z.int().min(0).max(65_535).describe('as on the wire, from 0'),
  type: z.enum(modbusTypes).default('uint16'),
  byteOrder: z.enum(byteOrders).optional(),
  bit: z.int().min(0).max(15).optional(),
  registers: z.int().min(1).max(123).optional(),
  scale: z.number().optional().describe('registers = (signal − offset) ÷ scale'),
  offset: z.number().optional(),
  signal: signalSchema,
  seed,
});
export type ModbusPoint = z.infer<typeof modbusPointSchema>;

export const modbusUnitSchema = z.strictObject({
  name: id.describe('of the simulated device'),
  unit: z.int().min(0).max(255).default(1),
  byteOrder: z.enum(byteOrders).default('ABCD'),
  points: z.array(modbusPointSchema).min(1),
});

export const opcuaNodeSchema = z.strictObject({
  name: id,
  node: z
    .string()
    .regex(/^s=.+$/)
    .optional()
    .describe('s=… in the namespace of the server; the default is s=<name>'),
  type: z.enum(valueTypes).default('float64'),
  everyMs: durationMs.default(1_000).describe('how often the value is set, with its source time'),
  signal: signalSchema,
  seed,
});
export type OpcuaNode = z.infer<typeof opcuaNodeSchema>;

export const simulatorServerSchema = z.discriminatedUnion('protocol', [
  z.strictObject({
    protocol: z.literal('modbus-tcp'),
    host: host.default('127.0.0.1'),
    port: listenPort.default(502),
    units: z.array(modbusUnitSchema).min(1),
  }),
  z.strictObject({
    protocol: z.literal('modbus-rtu-over-tcp'),
    host: host.default('127.0.0.1'),
    port: listenPort,
    units: z.array(modbusUnitSchema).min(1),
  }),
  z.strictObject({
    protocol: z.literal('modbus-rtu'),
    path: z.string().min(1),
    baudRate: z.int().positive().default(19_200),
    parity: z.enum(['none', 'even', 'odd']).default('even'),
    units: z.array(modbusUnitSchema).min(1),
  }),
  z.strictObject({
    protocol: z.literal('opcua'),
    host: host.default('127.0.0.1'),
    port: listenPort.default(4840),
    path: z.string().startsWith('/').default('/fieldline'),
    namespace: z.string().min(1).default('urn:fieldline:simulator'),
    name: id,
    users: z.array(z.strictObject({ username: z.string().min(1), passwordFile: filePath })).default([]),
    nodes: z.array(opcuaNodeSchema).min(1),
  }),
]);
export type SimulatorServer = z.infer<typeof simulatorServerSchema>;

export const plantSchema = z.strictObject({
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
export type Plant = z.infer<typeof plantSchema>;
