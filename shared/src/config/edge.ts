import { z } from 'zod';
import { commandsSchema, ownDevice } from './commands.ts';
import { flightRecorderSchema } from './flight-recorder.ts';
import { modbusDeviceSchema } from './modbus.ts';
import { linkProblems } from './modbus-link.ts';
import { opcuaDeviceSchema } from './opcua.ts';
import type { OpcuaCall } from './opcua-call.ts';
import { durationMs, filePath, host, id, listenPort, sizeBytes } from './units.ts';
import { uplinkSchema } from './uplink.ts';

/** A new protocol is one more line here, one schema file and one driver folder. */
export const deviceSchema = z.discriminatedUnion('protocol', [modbusDeviceSchema, opcuaDeviceSchema]);
export type Device = z.infer<typeof deviceSchema>;

/** Methods that commands may call: each is a tag with samples of its own. */
export const callsOf = (device: Device): readonly OpcuaCall[] =>
  device.protocol === 'opcua' ? (device.calls ?? []) : [];

export const takesEvents = (tag: Device['tags'][number] | OpcuaCall): boolean =>
  'events' in tag && tag.events !== undefined;

const journalSchema = z.strictObject({
  folder: filePath.default('./journal').describe('of the journal alone; relative to the settings file'),
  flushMs: z
    .int()
    .min(5)
    .max(60_000)
    .default(500)
    .describe('samples are on the disk at most this long after they are read'),
  survives: z
    .enum(['power-cut', 'process-crash'])
    .default('power-cut')
    .describe('power-cut: each flush is forced to the medium'),
  maxBytes: sizeBytes
    .min(1024 ** 2)
    .default(2 * 1024 ** 3)
    .describe('of the files; beyond it the oldest are dropped and declared'),
  keepFreeBytes: z
    .int()
    .nonnegative()
    .default(64 * 1024 ** 2)
    .describe(
      'while the disk has less than this left (or a twentieth of it, if that is less), the journal does not grow: its oldest are dropped for new ones, and declared',
    ),
  maxAgeMs: durationMs
    .min(60_000)
    .optional()
    .describe(
      'what was never confirmed is dropped at this age, and declared; without it, it is kept while there is room',
    ),
  segmentBytes: sizeBytes
    .min(32 * 1024)
    .max(1024 ** 3)
    .default(16 * 1024 ** 2)
    .describe('a file of the journal is closed at this size and deleted whole'),
  keepConfirmedForMs: z
    .int()
    .nonnegative()
    .default(0)
    .describe('keeps confirmed batches this long, for a database restored from a backup'),
});

const edgeObject = z.strictObject({
  gateway: id.describe('unique in the fleet'),
  uplink: uplinkSchema,
  journal: journalSchema.prefault({}),
  commands: commandsSchema.describe('what may be written; a tag needs `write` besides'),
  http: z
    .strictObject({ host: host.default('127.0.0.1'), port: listenPort.default(9101) })
    .prefault({})
    .describe('/metrics, /health/live, /health/ready and /modbus.pcapng'),
  flightRecorder: flightRecorderSchema.prefault({}),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  devices: z.array(deviceSchema).min(1),
});

const field = (value: unknown, key: string): unknown =>
  value !== null && typeof value === 'object' ? Reflect.get(value, key) : undefined;
const listIn = (value: unknown, key: string): readonly unknown[] => {
  const list = field(value, key);
  return Array.isArray(list) ? list : [];
};

/** Where the texts under one key repeat an earlier one. */
function repeated(list: readonly unknown[], key: string): number[] {
  const seen = new Set<string>();
  return list.flatMap((item, index) => {
    const id = field(item, key);
    if (typeof id !== 'string') return [];
    if (seen.has(id)) return [index];
    seen.add(id);
    return [];
  });
}

/** It reads what may be anything: ids that are given twice are told together with the mistakes in other settings. */
function checkIds(edge: unknown, problem: (path: PropertyKey[], message: string) => void): void {
  const devices = listIn(edge, 'devices');
  for (const index of repeated(devices, 'device')) {
    problem(['devices', index, 'device'], 'another device has this id; ids are unique in a gateway');
  }
  for (const [index, device] of devices.entries()) {
    const tags = listIn(device, 'tags');
    for (const position of repeated([...tags, ...listIn(device, 'calls')], 'tag')) {
      const place = position < tags.length ? ['tags', position] : ['calls', position - tags.length];
      problem(['devices', index, ...place, 'tag'], 'another tag of this device has this id');
    }
  }
}

export const edgeSchema = edgeObject
  .superRefine(
    (edge, context) => checkIds(edge, (path, message) => context.addIssue({ code: 'custom', path, message })),
    { when: () => true },
  )
  .superRefine((edge, context) => {
    for (const [index, { device }] of edge.devices.entries()) {
      if (!edge.commands.enabled || device !== ownDevice) continue;
      const message = 'is the gateway itself, which records its commands under this name: choose another';
      context.addIssue({ code: 'custom', path: ['devices', index, 'device'], message });
    }
    const modbus = edge.devices.flatMap((device, index) => (device.protocol === 'modbus' ? [{ device, index }] : []));
    for (const { index, key, message } of linkProblems(modbus)) {
      context.addIssue({ code: 'custom', path: ['devices', index, key], message });
    }
  });
export type EdgeConfig = z.infer<typeof edgeSchema>;
