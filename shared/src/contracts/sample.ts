import type { QualityCode } from './quality.ts';

/** What a value is on its way from the device to the row. 64-bit integers keep every bit; the rest fit a JavaScript number. */
export const valueTypes = [
  'bool',
  'int8',
  'uint8',
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
export type ValueType = (typeof valueTypes)[number];

/** In memory: `bool` is boolean, `int64` and `uint64` are bigint, `string` is string, all others number. */
export type Value = number | bigint | boolean | string;

/** One point of one device. Made once when the settings are loaded and shared by all its samples, so it can be a Map key. */
export type Tag = {
  readonly device: string;
  readonly tag: string;
  readonly type: ValueType;
};

/** Microseconds since the Unix epoch, UTC: exact in a number until the year 2255. */
export type Micros = number;

export type Sample = {
  readonly tag: Tag;
  /** Stamped nearest the device. */
  readonly time: Micros;
  /** null if and only if the quality is bad. */
  readonly value: Value | null;
  readonly quality: QualityCode;
};

const integerRange: Partial<Record<ValueType, readonly [number, number]>> = {
  int8: [-0x80, 0x7f],
  uint8: [0, 0xff],
  int16: [-0x8000, 0x7fff],
  uint16: [0, 0xffff],
  int32: [-0x8000_0000, 0x7fff_ffff],
  uint32: [0, 0xffff_ffff],
};

/** Least and most of a whole number of so many bits. */
export const wholeRange = (bits: number, isUnsigned: boolean): [bigint, bigint] =>
  isUnsigned ? [0n, 2n ** BigInt(bits) - 1n] : [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n];

/** Whether a value is one that its type can hold: the rule at both ends of the wire. */
export function fitsType(type: ValueType, value: Value): boolean {
  switch (type) {
    case 'bool':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string';
    case 'int64':
      return typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
    case 'uint64':
      return typeof value === 'bigint' && BigInt.asUintN(64, value) === value;
    case 'float32':
    case 'float64':
      return typeof value === 'number' && Number.isFinite(value);
    default: {
      const range = integerRange[type];
      return (
        typeof value === 'number' &&
        range !== undefined &&
        Number.isInteger(value) &&
        value >= range[0] &&
        value <= range[1]
      );
    }
  }
}
