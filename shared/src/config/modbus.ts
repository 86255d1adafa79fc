import { z } from 'zod';
import {
  deadbandShape,
  isRange,
  keepingShape,
  notARange,
  tagDescriptionShape,
  thinningProblems,
} from './tag-shapes.ts';
import { durationMs, host, id, port } from './units.ts';

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

/** What registers hold. `bool` is a coil, a discrete input, or with `bit` one bit of a register. */
export const modbusTypes = [
  'bool',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'string',
] as const;
export type ModbusType = (typeof modbusTypes)[number];

const registersOfType = {
  bool: 1,
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float32: 2,
  float64: 4,
} as const satisfies Partial<Record<ModbusType, number>>;

/** How many registers a value occupies; a coil or discrete input is one bit of its own table. */
export const registerCount = (shape: { readonly type: ModbusType; readonly registers?: number | undefined }): number =>
  shape.type === 'string' ? (shape.registers ?? 1) : registersOfType[shape.type];

export const modbusTables = ['coil', 'discrete', 'input', 'holding'] as const;
export type ModbusTable = (typeof modbusTables)[number];

/**
 * Order of the bytes of a 32-bit value 0xAABBCCDD as they stand in two registers. The rule behind the names holds for every
 * type: CDAB and DCBA say that the lowest register of a number comes first, BADC and DCBA that the two bytes of each register
 * are swapped. So a 16-bit value (and a bit of it) is swapped by BADC and DCBA, 64-bit values have their four registers
 * reversed by CDAB and DCBA, and a string, whose characters are in reading order, knows only the swap within its registers.
 */
export const byteOrders = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type ByteOrder = (typeof byteOrders)[number];

/** The last register of a device that counts from 1. */
const maxAddress = 65_536;

/** How registers are read as a value: the same for the agent's tags and the simulator's points. */
export const registerShape = {
  table: z.enum(modbusTables).default('holding'),
  address: z.int().min(0).max(maxAddress).describe('in the notation that the device states with addressBase'),
  type: z.enum(modbusTypes).default('uint16'),
  byteOrder: z.enum(byteOrders).optional().describe('where it differs from that of the device'),
  bit: z.int().min(0).max(15).optional().describe('type bool in a register: which bit, 0 is the lowest'),
  registers: z.int().min(1).max(123).optional().describe('type string: how many registers, two characters each'),
};

type RegisterShape = {
  readonly table: ModbusTable;
  readonly type: ModbusType;
  readonly bit?: number | undefined;
  readonly registers?: number | undefined;
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
};

/** What in a tag or point contradicts itself: the key to change, and what would be right. */
export function registerProblems(shape: RegisterShape): [key: string, message: string][] {
  const problems: [string, string][] = [];
  const inBits = shape.table === 'coil' || shape.table === 'discrete';
  const isScaled = shape.scale !== undefined || shape.offset !== undefined;
  if (inBits && shape.type !== 'bool') problems.push(['type', `a ${shape.table} holds one bit: its type is bool`]);
  if (!inBits && shape.type === 'bool' && shape.bit === undefined) {
    problems.push(['type', 'bool in a register needs bit: 0–15']);
  }
  if (shape.bit !== undefined && (inBits || shape.type !== 'bool')) {
    problems.push(['bit', 'goes with type: bool in a register only']);
  }
  if (shape.type === 'string' && shape.registers === undefined) {
    problems.push(['type', 'string needs registers: how many']);
  }
  if (shape.type !== 'string' && shape.registers !== undefined) {
    problems.push(['registers', 'goes with type: string only']);
  }
  if ((shape.type === 'bool' || shape.type === 'string') && isScaled) {
    problems.push([shape.scale !== undefined ? 'scale' : 'offset', `goes with numbers only, not with ${shape.type}`]);
  }
  return problems;
}

/** Whether registers of this type can ever hold it: as a bit pattern, or for a float as its value. */
function canBeRead(entry: number | string, type: ModbusType): boolean {
  if (typeof entry === 'number' && (type === 'float32' || type === 'float64')) return true;
  if (typeof entry === 'number' && !Number.isInteger(entry)) return false;
  const bits = registerCount({ type }) * 16;
  const pattern = BigInt(entry);
  return BigInt.asIntN(bits, pattern) === pattern || BigInt.asUintN(bits, pattern) === pattern;
}

export const modbusTagSchema = z
  .strictObject({
    tag: id,
    ...registerShape,
    scale: z
      .number()
      .refine((scale) => scale !== 0, 'scale 0 leaves nothing of the value')
      .optional()
      .describe('value = registers × scale + offset, as float64'),
    offset: z.number().optional(),
    notAvailable: z
      .array(z.union([z.number(), z.string().regex(/^0x[0-9a-fA-F]{1,16}$/)]))
      .optional()
      .describe('raw register values that mean "no value here", e.g. [0x8000] or ["0xFFFFFFFFFFFFFFFF"]'),
    everyMs: durationMs.optional().describe('where it differs from that of the device'),
    ...deadbandShape,
    ...keepingShape,
    ...tagDescriptionShape,
  })
  .superRefine((tag, context) => {
    for (const [key, message] of registerProblems(tag)) context.addIssue({ code: 'custom', path: [key], message });
    if (tag.notAvailable !== undefined && (tag.type === 'string' || tag.table === 'coil' || tag.table === 'discrete')) {
      context.addIssue({
        code: 'custom',
        path: ['notAvailable'],
        message: 'goes with numbers and bits of registers only',
      });
      return;
    }
    for (const [position, entry] of (tag.notAvailable ?? []).entries()) {
      if (canBeRead(entry, tag.type)) continue;
      const holds = tag.type === 'bool' ? 'a register' : tag.type;
      const message = `${holds} never holds this: it has ${registerCount(tag) * 16} bits`;
      context.addIssue({ code: 'custom', path: ['notAvailable', position], message });
    }
  })
  .refine(isRange, notARange);
export type ModbusTag = z.infer<typeof modbusTagSchema>;

const modbusDeviceObject = z.strictObject({
  device: id,
  protocol: z.literal('modbus'),
  link: modbusLinkSchema,
  unit: z.int().min(0).max(255).default(1),
  addressBase: z
    .union([z.literal(0), z.literal(1)])
    .default(0)
    .describe('number of the first register in the addresses below'),
  byteOrder: z.enum(byteOrders).default('ABCD'),
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
  ...deadbandShape,
  ...keepingShape,
  tags: z.array(modbusTagSchema).min(1),
});

const leastPeriodPerTolerance = 4;

export const modbusDeviceSchema = modbusDeviceObject.superRefine((device, context) => {
  if (device.unit === 0 && device.link.kind !== 'tcp') {
    const message = 'on a serial line unit 0 speaks to all and none answers; a device has 1–247';
    context.addIssue({ code: 'custom', path: ['unit'], message });
  }
  const shortestMs = Math.min(...device.tags.map(({ everyMs }) => everyMs ?? device.everyMs));
  if (device.timeToleranceMs * leastPeriodPerTolerance > shortestMs) {
    const message = `neighbouring samples must stay apart: at most a quarter of everyMs, which is ${shortestMs}`;
    context.addIssue({ code: 'custom', path: ['timeToleranceMs'], message });
  }
  for (const problem of thinningProblems(device, 'everyMs', ({ everyMs }) => everyMs ?? device.everyMs))
    context.addIssue({ code: 'custom', ...problem });
  for (const [position, tag] of device.tags.entries()) {
    const issue = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: ['tags', position, key], message });
    const first = tag.address - device.addressBase;
    const count = registerCount(tag);
    // What no device has was told by the schema.
    const isAddress = tag.address >= 0 && tag.address <= maxAddress;
    if (isAddress && first < 0) issue('address', `the device counts from addressBase: ${device.addressBase}`);
    if (isAddress && first + count > 65_536) issue('address', `the last register is ${65_535 + device.addressBase}`);
    if (count > device.maxRegisters) {
      issue(tag.type === 'string' ? 'registers' : 'type', `needs ${count} registers; maxRegisters allows fewer`);
    }
  }
});
export type ModbusDevice = z.infer<typeof modbusDeviceSchema>;
