import { isFloat, type ModbusTag, patternBits } from '@fieldline/shared/config/modbus';
import { readPattern } from './numbers.ts';
import { absent, type NoValue, type Read } from './read.ts';

/** `read`, but the tag's signs for "no value here" come first. */
export function unlessAbsent<Raw>(setting: ModbusTag, read: Read<Raw | NoValue>): Read<Raw | NoValue> {
  const { notAvailable } = setting;
  if (notAvailable === undefined) return read;
  const bits = patternBits(setting);
  const patterns = absentPatterns(notAvailable, bits);
  const pattern = readPattern(bits);
  const values = isFloat(setting.type) ? absentValues(notAvailable, setting) : undefined;
  const at0 = setting.byte === 'high' ? -1 : 0;
  return (bytes, at) => {
    if (patterns.has(pattern(bytes, at + at0))) return absent;
    const raw = read(bytes, at);
    return values?.has(raw) === true ? absent : raw;
  };
}

/** A negative number stands for its two's complement; what does not fit can never be read. */
function absentPatterns(entries: readonly (number | string)[], bits: number): ReadonlySet<number | bigint> {
  const patterns = entries
    .filter((entry) => typeof entry === 'string' || Number.isInteger(entry))
    .map((entry) => BigInt(entry))
    .filter((entry) => BigInt.asIntN(bits, entry) === entry || BigInt.asUintN(bits, entry) === entry)
    .map((entry) => BigInt.asUintN(bits, entry));
  return new Set<number | bigint>(bits === 64 ? patterns : patterns.map(Number));
}

/** Makers of floats state both: bit patterns (0x7FC00000) and values (−9999), as near to them as the type comes. */
function absentValues(entries: readonly (number | string)[], { type }: ModbusTag): ReadonlySet<unknown> {
  const numbers = entries.filter((entry) => typeof entry === 'number');
  if (type === 'float64') return new Set(numbers);
  return new Set(numbers.map(type === 'float32' ? Math.fround : Math.f16round));
}
