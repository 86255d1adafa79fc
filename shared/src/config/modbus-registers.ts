/** How registers are read as a value: the same for the agent's tags and the simulator's points. */
import { z } from 'zod';
import {
  isComputed,
  type ModbusType,
  modbusTypes,
  patternBits,
  type RegisterLayout,
  registerCount,
  registersRange,
  type TimeForm,
  timeFormNames,
  typeMeaning,
} from './modbus-types.ts';

/** Those that addresses count. */
export const addressedTables = ['coil', 'discrete', 'input', 'holding'] as const;
export type AddressedTable = (typeof addressedTables)[number];
/** And the records of files. */
export const modbusTables = [...addressedTables, 'file'] as const;
export type ModbusTable = (typeof modbusTables)[number];

export const isBitTable = (table: ModbusTable): boolean => table === 'coil' || table === 'discrete';

/**
 * Order of the bytes of a 32-bit value 0xAABBCCDD as they stand in two registers. The rule behind the names holds for every
 * type: CDAB and DCBA say that the lowest register of a number comes first, BADC and DCBA that the two bytes of each register
 * are swapped. So a 16-bit value (and a bit of it) is swapped by BADC and DCBA, values of three, four or six registers have
 * them reversed by CDAB and DCBA, and a string, whose characters are in reading order, knows only the swap within its registers.
 */
export const byteOrders = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type ByteOrder = (typeof byteOrders)[number];

/**
 * Of 64 bits in four registers, spelled out. The first four are ABCD, CDAB, BADC and DCBA by the rule above; the others come from
 * devices that keep two 32-bit halves: the low half first, or the registers of each half turned round, with bytes swapped or not.
 */
export const longByteOrders = [
  'ABCDEFGH',
  'GHEFCDAB',
  'BADCFEHG',
  'HGFEDCBA',
  'EFGHABCD',
  'CDABGHEF',
  'FEHGBADC',
  'DCBAHGFE',
] as const;
export type LongByteOrder = (typeof longByteOrders)[number];
export type AnyByteOrder = ByteOrder | LongByteOrder;

/** Where the characters of a string stand. */
export const characterPlaces = ['both-bytes', 'high-byte', 'low-byte'] as const;
export type CharacterPlace = (typeof characterPlaces)[number];

export const layoutShape = {
  type: z.enum(modbusTypes).default('uint16').describe(typeMeaning),
  byteOrder: z
    .enum([...byteOrders, ...longByteOrders])
    .optional()
    .describe('where it differs from that of the device; the long names are for values of four registers'),
  bit: z.int().min(0).max(15).optional().describe('type bool in a register: which bit, 0 is the lowest'),
  bits: z
    .tuple([z.int().min(0).max(63), z.int().min(0).max(63)])
    .optional()
    .describe(
      'a field of an int or uint: its lowest and highest bit, e.g. [4, 7]; it is a number of its own, with a sign for an int',
    ),
  byte: z.enum(['low', 'high']).optional().describe('type int8 or uint8: which byte of the register; absent: low'),
  registers: z
    .int()
    .min(1)
    .max(registersRange.string[1])
    .optional()
    .describe('type string, bcd or mod10000: how many registers'),
  characters: z
    .enum(characterPlaces)
    .optional()
    .describe(
      'type string: two characters per register (both-bytes, the default) or one; the text ends at the first NUL, blanks and 0xFF that fill it up are cut; it is read as UTF-8, or as Latin-1 where it is none',
    ),
  signed: z.boolean().optional().describe('type mod10000: each register counts −9999 to 9999, all with one sign'),
  timeForm: z
    .enum(timeFormNames)
    .optional()
    .describe(
      'type time: `unix-seconds` (2 registers), `unix-milliseconds` (4), `iec870` (4, Schneider DATETIME), `powerlogic` (3), or year month day hour minute second as `registers` (6), `bytes` (3) or `bcd` (3)',
    ),
  utcOffsetMinutes: z
    .int()
    .min(-14 * 60)
    .max(14 * 60)
    .optional()
    .describe('type time: how far the clock of the device is ahead of UTC; absent: 0'),
};

export type RegisterShape = RegisterLayout & {
  readonly byteOrder?: AnyByteOrder | undefined;
  readonly bit?: number | undefined;
  readonly bits?: readonly [number, number] | undefined;
  readonly byte?: 'low' | 'high' | undefined;
  readonly characters?: CharacterPlace | undefined;
  readonly signed?: boolean | undefined;
  readonly timeForm?: TimeForm | undefined;
  readonly utcOffsetMinutes?: number | undefined;
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
  readonly scaleFactor?: number | string | undefined;
  readonly decimals?: number | undefined;
  readonly clamp?: readonly [number, number] | undefined;
};

/** The key to change, and what would be right. */
export type Problem = readonly [key: string, message: string];

const typesOfFields: readonly ModbusType[] = ['int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'];
const floats: readonly ModbusType[] = ['float16', 'float32', 'float64'];
export const isFloat = (type: ModbusType): boolean => floats.includes(type);

/** What in a tag or point contradicts itself. */
export function registerProblems(shape: RegisterShape, table: ModbusTable): Problem[] {
  if (isBitTable(table)) return coilProblems(shape, table);
  return [...fieldProblems(shape), ...sizeProblems(shape), ...orderProblems(shape), ...arithmeticProblems(shape)];
}

const layoutKeys = [
  'bit',
  'bits',
  'byte',
  'registers',
  'characters',
  'signed',
  'timeForm',
  'utcOffsetMinutes',
] as const;
const arithmeticKeys = ['scale', 'offset', 'scaleFactor', 'decimals', 'clamp'] as const;

/** The keys that are set, each with what is wrong about that. */
const unwanted = (shape: RegisterShape, keys: readonly (keyof RegisterShape)[], message: string): Problem[] =>
  keys.filter((key) => shape[key] !== undefined).map((key) => [key, message]);

function coilProblems(shape: RegisterShape, table: ModbusTable): Problem[] {
  const problems = unwanted(shape, [...layoutKeys, ...arithmeticKeys], `goes with registers only, not with a ${table}`);
  return shape.type === 'bool' ? problems : [['type', `a ${table} holds one bit: its type is bool`], ...problems];
}

function fieldProblems(shape: RegisterShape): Problem[] {
  const { type, bit, bits } = shape;
  const problems: Problem[] = [];
  if (type === 'bool' && bit === undefined) problems.push(['type', 'bool in a register needs bit: 0–15']);
  if (type !== 'bool') problems.push(...unwanted(shape, ['bit'], 'goes with type: bool in a register only'));
  if (type !== 'int8' && type !== 'uint8') problems.push(...unwanted(shape, ['byte'], 'goes with int8 and uint8 only'));
  if (bits === undefined) return problems;
  if (!typesOfFields.includes(type)) problems.push(['bits', `goes with ${typesOfFields.join(', ')} only`]);
  else if (bits[0] > bits[1]) problems.push(['bits', `the lowest bit comes first: [${bits[1]}, ${bits[0]}]`]);
  else if (bits[1] >= patternBits(shape))
    problems.push(['bits', `${type} has the bits 0 to ${patternBits(shape) - 1}`]);
  return problems;
}

function sizeProblems(shape: RegisterShape): Problem[] {
  const { type, registers, timeForm } = shape;
  const problems: Problem[] = [];
  if (isSizedType(type)) {
    const [least, most] = registersRange[type];
    if (registers === undefined) problems.push(['type', `${type} needs registers: how many, ${least} to ${most}`]);
    // What no type has was told by the schema.
    else if ((registers < least || registers > most) && registers >= 1 && registers <= registersRange.string[1])
      problems.push(['registers', `${type} has ${least} to ${most} of them`]);
  } else problems.push(...unwanted(shape, ['registers'], 'goes with type string, bcd or mod10000 only'));
  if (type === 'time' && timeForm === undefined) {
    problems.push(['type', `time needs timeForm: one of ${timeFormNames.join(', ')}`]);
  }
  if (type !== 'time') problems.push(...unwanted(shape, ['timeForm', 'utcOffsetMinutes'], 'goes with type: time only'));
  if (type !== 'string') problems.push(...unwanted(shape, ['characters'], 'goes with type: string only'));
  if (type !== 'mod10000') problems.push(...unwanted(shape, ['signed'], 'goes with type: mod10000 only'));
  return problems;
}

const isSizedType = (type: ModbusType): type is keyof typeof registersRange => type in registersRange;

function orderProblems(shape: RegisterShape): Problem[] {
  const { byteOrder = 'ABCD', type } = shape;
  if (byteOrder.length === 4 || (registerCount(shape) === 4 && type !== 'string')) return [];
  return [['byteOrder', `goes with numbers of four registers only: here one of ${byteOrders.join(', ')}`]];
}

function arithmeticProblems(shape: RegisterShape): Problem[] {
  const { type, clamp, decimals } = shape;
  if (type === 'bool' || type === 'string' || type === 'time') {
    return unwanted(shape, arithmeticKeys, `goes with numbers only, not with ${type}`);
  }
  const problems: Problem[] = [];
  const isWhole = !isFloat(type) && !isComputed({ ...shape, decimals: undefined });
  if (isWhole && decimals !== undefined) problems.push(['decimals', `${type} has none: goes with scale or a float`]);
  if (clamp !== undefined && clamp[0] > clamp[1])
    problems.push(['clamp', `the lowest comes first: [${clamp[1]}, ${clamp[0]}]`]);
  if (isWhole && clamp?.every(Number.isSafeInteger) === false) {
    problems.push(['clamp', `${type} without scale holds whole numbers: so must the limits be`]);
  }
  return problems;
}
