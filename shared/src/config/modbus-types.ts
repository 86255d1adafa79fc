/** What registers hold: the types, how many registers each takes, and what a value of it is on its way to the row. */
import type { ValueType } from '../contracts/sample.ts';

/** `bool` is a coil, a discrete input, or with `bit` one bit of a register. */
export const modbusTypes = [
  'bool',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int24',
  'uint24',
  'int32',
  'uint32',
  'int48',
  'uint48',
  'int64',
  'uint64',
  'float16',
  'float32',
  'float64',
  'bcd',
  'mod10000',
  'string',
  'time',
] as const;
export type ModbusType = (typeof modbusTypes)[number];

export const typeMeaning =
  'int8 and uint8: one byte of a register; int24 and uint24: the low three bytes of two; bcd: four decimal digits per register; mod10000: each register counts 0–9999; time: a date and time, as microseconds since 1970 UTC (int64)';

const registersOfType = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 1,
  uint16: 1,
  int24: 2,
  uint24: 2,
  int32: 2,
  uint32: 2,
  int48: 3,
  uint48: 3,
  int64: 4,
  uint64: 4,
  float16: 1,
  float32: 2,
  float64: 4,
} as const satisfies Partial<Record<ModbusType, number>>;

/** Types that say themselves how many registers they take, and how many those may be. */
export const registersRange = {
  string: [1, 123],
  bcd: [1, 4],
  mod10000: [2, 4],
} as const satisfies Partial<Record<ModbusType, readonly [number, number]>>;

/**
 * How devices state a date and time, and in how many registers:
 * - unix-seconds, unix-milliseconds: since 1970, an unsigned number of 32 or 64 bits
 * - iec870: year − 2000 | month, day | summer time, hour, minute | milliseconds of the minute (IEC 870-5-4; Schneider DATETIME)
 * - powerlogic: month, day | year − 1900, hour | minute, second (Schneider PM800, CM4000, Micrologic)
 * - registers: year, month, day, hour, minute, second, a register each; a year below 100 is one of 2000–2099
 * - bytes: the same, a byte each, year − 2000 first
 * - bcd: the same bytes, two decimal digits each
 */
export const timeForms = {
  'unix-seconds': 2,
  'unix-milliseconds': 4,
  iec870: 4,
  powerlogic: 3,
  registers: 6,
  bytes: 3,
  bcd: 3,
} as const satisfies Record<string, number>;
export type TimeForm = keyof typeof timeForms;
export const timeFormNames = Object.keys(timeForms) as [TimeForm, ...TimeForm[]];

/** The part of a tag's or point's settings that says how its registers are laid out. */
export type RegisterLayout = {
  readonly type: ModbusType;
  readonly registers?: number | undefined;
  readonly timeForm?: TimeForm | undefined;
};

/** How many registers a value occupies; a coil or discrete input is one bit of its own table. */
export function registerCount({ type, registers, timeForm }: RegisterLayout): number {
  if (type === 'time') return timeForm === undefined ? 1 : timeForms[timeForm];
  return type in registersRange ? (registers ?? 1) : registersOfType[type as keyof typeof registersOfType];
}

const otherValueTypes = {
  int24: 'int32',
  uint24: 'uint32',
  int48: 'int64',
  uint48: 'uint64',
  float16: 'float32',
  time: 'int64',
} as const satisfies Partial<Record<ModbusType, ValueType>>;

/** The part that says what is made of the raw value. */
type Finished = {
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
  readonly scaleFactor?: number | string | undefined;
  readonly decimals?: number | undefined;
  readonly signed?: boolean | undefined;
};

/** Whether arithmetic makes a float64 of the value, whatever its registers hold. */
export const isComputed = ({ scale, offset, scaleFactor, decimals }: Finished): boolean =>
  scale !== undefined || offset !== undefined || scaleFactor !== undefined || decimals !== undefined;

/** What a client sees of the registers. */
export function modbusValueType(shape: RegisterLayout & Finished): ValueType {
  const { type, signed = false } = shape;
  if (isComputed(shape)) return 'float64';
  if (type === 'bcd') return registerCount(shape) === 1 ? 'uint16' : registerCount(shape) === 2 ? 'uint32' : 'uint64';
  if (type === 'mod10000') return `${signed ? 'int' : 'uint'}${registerCount(shape) === 2 ? 32 : 64}`;
  return isOther(type) ? otherValueTypes[type] : type;
}

const isOther = (type: ModbusType): type is keyof typeof otherValueTypes => type in otherValueTypes;

/** How many bits of the registers say that there is no value, or hold the field that `bits` names. */
export const patternBits = (shape: RegisterLayout): number =>
  shape.type === 'int8' || shape.type === 'uint8'
    ? 8
    : shape.type === 'int24' || shape.type === 'uint24'
      ? 24
      : registerCount(shape) * 16;
