import { z } from 'zod';
import { addressBases, maxStatedAddress } from './modbus-address.ts';
import { mapProblems, tagOf } from './modbus-placement.ts';
import { byteOrders } from './modbus-registers.ts';
import { modbusTagSchema } from './modbus-tag.ts';
import { profileUseShape } from './profile-use.ts';
import { deadbandShape, keepingShape } from './tag-shapes.ts';
import { durationMs, host, id, port } from './units.ts';

export * from './modbus-address.ts';
export * from './modbus-placement.ts';
export * from './modbus-registers.ts';
export * from './modbus-tag.ts';
export * from './modbus-types.ts';

/** Where a device is reached. All devices with the same link share one connection. */
export const modbusLinkSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tcp'), host, port: port.default(502) }),
  z.strictObject({ kind: z.literal('rtu-over-tcp'), host, port }),
  z.strictObject({
    kind: z.literal('rtu'),
    path: z.string().min(1).describe('serial port, e.g. /dev/ttyUSB0'),
    baudRate: z.int().positive().default(19_200),
    parity: z.enum(['none', 'even', 'odd']).default('even'),
    dataBits: z.union([z.literal(7), z.literal(8)]).default(8),
    stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
  }),
]);
export type ModbusLink = z.infer<typeof modbusLinkSchema>;

/** The one name of a link, in logs and metrics too; devices whose links have the same name share a connection. */
export const modbusLinkName = (link: ModbusLink): string =>
  link.kind === 'rtu' ? link.path : `${link.host}:${link.port}`;

/** Whether two links of the same name can be one connection: they are stated alike in every setting. */
export const sameModbusLink = (one: ModbusLink, other: ModbusLink): boolean =>
  one.kind === 'rtu'
    ? other.kind === 'rtu' &&
      one.baudRate === other.baudRate &&
      one.parity === other.parity &&
      one.dataBits === other.dataBits &&
      one.stopBits === other.stopBits
    : one.kind === other.kind;

const stated = z.int().min(0).max(maxStatedAddress);
const ranges = z
  .array(z.tuple([stated, stated]))
  .optional()
  .describe('never read along, since the device does not bear it: first and last address of each, e.g. [[100, 119]]');

export const modbusDeviceObject = z.strictObject({
  device: id,
  protocol: z.literal('modbus'),
  link: modbusLinkSchema,
  unit: z.int().min(0).max(255).default(1),
  ...profileUseShape,
  addressBase: z
    .literal(addressBases)
    .default(0)
    .describe(
      'notation of the addresses below: 0 or 1 is the number of the first register; with 4xxxx and 4xxxxx the first digit says the table, as in 40001 and 400001',
    ),
  byteOrder: z
    .enum(byteOrders)
    .default('ABCD')
    .describe('of 0xAABBCCDD in two registers; CDAB and DCBA: lowest register first, BADC and DCBA: bytes swapped'),
  everyMs: durationMs.default(1_000),
  timeoutMs: durationMs.default(1_000),
  timeToleranceMs: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      'samples this near to the even beat of their request are stamped on it, and take less room in the database; 0: the middle of each round trip',
    ),
  maxRegisters: z.int().min(1).max(125).default(125).describe('most registers per request'),
  maxBits: z.int().min(1).max(2_000).default(2_000).describe('most coils or discrete inputs per request'),
  maxGap: z
    .int()
    .min(0)
    .max(124)
    .default(8)
    .describe('most unwanted registers read along to save a request; 0 reads none'),
  avoid: z.strictObject({ coil: ranges, discrete: ranges, input: ranges, holding: ranges }).optional(),
  ...deadbandShape,
  ...keepingShape,
  tags: z.array(modbusTagSchema).default([]).describe('beside those of the profile, where one is named'),
});

const leastPeriodPerTolerance = 4;

export const modbusDeviceSchema = modbusDeviceObject
  .superRefine((device, context) => {
    if (device.tags.length === 0) {
      const message =
        device.profile === undefined
          ? 'list tags, or name a profile that has them'
          : 'the tags of a profile are put in when a settings file is loaded';
      context.addIssue({ code: 'custom', path: ['tags'], message });
    }
    if (device.unit === 0 && device.link.kind !== 'tcp') {
      const message = 'on a serial line unit 0 speaks to all and none answers; a device has 1–247';
      context.addIssue({ code: 'custom', path: ['unit'], message });
    }
    const shortestMs = Math.min(...device.tags.map(({ everyMs }) => everyMs ?? device.everyMs));
    if (device.timeToleranceMs * leastPeriodPerTolerance > shortestMs) {
      const message = `neighbouring samples must stay apart: at most a quarter of everyMs, which is ${shortestMs}`;
      context.addIssue({ code: 'custom', path: ['timeToleranceMs'], message });
    }
    for (const [path, message] of mapProblems(device)) context.addIssue({ code: 'custom', path, message });
  })
  // With the tags of its profile in place, a device is complete: it can be written down and read again without the profile.
  .transform(({ profile: _profile, only: _only, override: _override, ...device }) => ({
    ...device,
    tags: device.tags.map((tag) => tagOf(device, tag)),
  }));
export type ModbusDevice = z.infer<typeof modbusDeviceSchema>;
