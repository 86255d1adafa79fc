import { z } from 'zod';
import { checkedOnce } from './checked-once.ts';
import { addressBases, maxStatedAddress } from './modbus-address.ts';
import { exchangeProblems, exchangeShape } from './modbus-exchange.ts';
import { mostSubRequests } from './modbus-file.ts';
import { hasTransactionIds, modbusLinkSchema } from './modbus-link.ts';
import { mapProblems, placedTags } from './modbus-placement.ts';
import { byteOrders } from './modbus-registers.ts';
import { modbusTagSchema } from './modbus-tag.ts';
import { profileUseShape } from './profile-use.ts';
import { deadbandShape, keepingShape, thinningProblems } from './tag-shapes.ts';
import { durationMs, id, timeoutMs } from './units.ts';

export * from './modbus-address.ts';
export * from './modbus-exchange.ts';
export * from './modbus-file.ts';
export * from './modbus-placement.ts';
export * from './modbus-registers.ts';
export * from './modbus-tag.ts';
export * from './modbus-types.ts';
export * from './modbus-write.ts';

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
  answersAs: z
    .union([z.literal('any'), z.int().min(0).max(255)])
    .optional()
    .describe(
      'unit id in the answers of a device that states another than it was asked by; any: whichever, on tcp and udp. Absent: an answer of another unit is none',
    ),
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
  timeoutMs: timeoutMs.default(1_000),
  timeToleranceMs: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      'samples this near to the even beat of their request are stamped on it, and take less room in the database; 0: the middle of each round trip',
    ),
  maxRegisters: z.int().min(1).max(125).default(125).describe('most registers per request'),
  maxSubRequests: z
    .int()
    .min(1)
    .max(mostSubRequests)
    .default(mostSubRequests)
    .describe(
      'most places in files that one request asks for (sub-requests of function 20); 1 where the device takes one',
    ),
  joinRecords: z
    .boolean()
    .default(true)
    .describe(
      'false: a record of the files of this device is more than one register, so the next record is not the next register: each tag is asked for by itself, from the beginning of its record',
    ),
  maxBits: z.int().min(1).max(2_000).default(2_000).describe('most coils or discrete inputs per request'),
  maxGap: z
    .int()
    .min(0)
    .max(124)
    .default(8)
    .describe('most unwanted registers read along to save a request; 0 reads none'),
  avoid: z.strictObject({ coil: ranges, discrete: ranges, input: ranges, holding: ranges }).optional(),
  ...exchangeShape,
  ...deadbandShape,
  ...keepingShape,
  tags: checkedOnce(z.array(modbusTagSchema)).default([]).describe('beside those of the profile, where one is named'),
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
    if (device.answersAs === 'any' && !hasTransactionIds(device.link)) {
      const message = 'on a line without transaction ids any answer could be that of another unit: state its number';
      context.addIssue({ code: 'custom', path: ['answersAs'], message });
    }
    if (device.unit === 0 && !hasTransactionIds(device.link)) {
      const message = 'on a serial line unit 0 speaks to all and none answers; a device has 1–247';
      context.addIssue({ code: 'custom', path: ['unit'], message });
    }
    const shortestMs = Math.min(...device.tags.map(({ everyMs }) => everyMs ?? device.everyMs));
    // Of a period or tolerance that is none nothing is told besides.
    const areValid = shortestMs > 0 && device.timeToleranceMs > 0;
    if (areValid && device.timeToleranceMs * leastPeriodPerTolerance > shortestMs) {
      const message = `neighbouring samples must stay apart: at most a quarter of everyMs, which is ${shortestMs}`;
      context.addIssue({ code: 'custom', path: ['timeToleranceMs'], message });
    }
    for (const problem of thinningProblems(device, 'everyMs', ({ everyMs }) => everyMs ?? device.everyMs))
      context.addIssue({ code: 'custom', ...problem });
    // Of each its own path: the schema puts in front of it where it stands.
    for (const [path, message] of [...mapProblems(device), ...exchangeProblems(device)])
      context.addIssue({ code: 'custom', path: [...path], message });
  })
  // With the tags of its profile in place, a device is complete: it can be written down and read again without the profile.
  .transform(({ profile: _profile, only: _only, override: _override, ...device }) => ({
    ...device,
    tags: placedTags(device),
  }));
export type ModbusDevice = z.infer<typeof modbusDeviceSchema>;
