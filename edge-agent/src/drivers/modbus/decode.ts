import { isUtf8 } from 'node:buffer';
import type { ByteOrder, ModbusTag, ModbusType } from '@fieldline/shared/config';
import {
  GOOD,
  type Micros,
  type QualityCode,
  qualityCode,
  type Sample,
  type Tag,
  type Value,
  type ValueType,
} from '@fieldline/shared/contracts';
import { isBitTable } from './plan.ts';

/** The sample of one tag from the data bytes of a reply; `index` counts registers, in the tables of bits bits. */
export type Decode = (data: Buffer, index: number, time: Micros) => Sample;

type NumberType = Exclude<ModbusType, 'bool' | 'string'>;

type Codec = {
  readonly sizeBytes: 2 | 4 | 8;
  readonly read: (bytes: Buffer, at: number) => number | bigint;
  /** The same bytes as an unsigned integer: what `notAvailable` is compared with. */
  readonly pattern: (bytes: Buffer, at: number) => number | bigint;
};

const pattern16: Codec['pattern'] = (bytes, at) => bytes.readUInt16BE(at);
const pattern32: Codec['pattern'] = (bytes, at) => bytes.readUInt32BE(at);
const pattern64: Codec['pattern'] = (bytes, at) => bytes.readBigUInt64BE(at);

/** Bytes in the order ABCD. */
const codecs: Readonly<Record<NumberType, Codec>> = {
  int16: { sizeBytes: 2, read: (bytes, at) => bytes.readInt16BE(at), pattern: pattern16 },
  uint16: { sizeBytes: 2, read: pattern16, pattern: pattern16 },
  int32: { sizeBytes: 4, read: (bytes, at) => bytes.readInt32BE(at), pattern: pattern32 },
  uint32: { sizeBytes: 4, read: pattern32, pattern: pattern32 },
  int64: { sizeBytes: 8, read: (bytes, at) => bytes.readBigInt64BE(at), pattern: pattern64 },
  uint64: { sizeBytes: 8, read: pattern64, pattern: pattern64 },
  float32: { sizeBytes: 4, read: (bytes, at) => bytes.readFloatBE(at), pattern: pattern32 },
  float64: { sizeBytes: 8, read: (bytes, at) => bytes.readDoubleBE(at), pattern: pattern64 },
};

const notAvailable = qualityCode('bad/not-available');
const notANumber = qualityCode('bad/not-a-number');

/** A scaled number is a float64, whatever its registers hold. */
export const valueTypeOf = (setting: ModbusTag): ValueType => (isScaled(setting) ? 'float64' : setting.type);

const isScaled = (setting: ModbusTag): boolean => setting.scale !== undefined || setting.offset !== undefined;

/** Made once per tag; `order` is that of the device, which the tag may override. */
export function createDecode(setting: ModbusTag, tag: Tag, order: ByteOrder): Decode {
  const byteOrder = setting.byteOrder ?? order;
  if (setting.type === 'string') return decodeText(tag, (setting.registers ?? 1) * 2, byteOrder);
  if (setting.type !== 'bool') return decodeNumber(setting, setting.type, tag, byteOrder);
  if (isBitTable(setting.table)) return decodeBit(tag);
  return decodeRegisterBit(setting, tag, byteOrder);
}

const good = (tag: Tag, time: Micros, value: Value): Sample => ({ tag, time, value, quality: GOOD });
export const bad = (tag: Tag, time: Micros, quality: QualityCode): Sample => ({ tag, time, value: null, quality });

const decodeBit =
  (tag: Tag): Decode =>
  (data, index, time) =>
    good(tag, time, ((data.readUInt8(index >> 3) >> (index & 7)) & 1) === 1);

function decodeRegisterBit(setting: ModbusTag, tag: Tag, order: ByteOrder): Decode {
  const bit = setting.bit ?? 0;
  const read = inOrder(codecs.uint16.pattern, 2, order);
  const absent = absentPatterns(setting, 16);
  return (data, index, time) => {
    const register = Number(read(data, index * 2));
    if (absent?.has(register)) return bad(tag, time, notAvailable);
    return good(tag, time, ((register >> bit) & 1) === 1);
  };
}

/** 64-bit integers with a scale lose what a float64 cannot hold: the settings chose a float64. */
function decodeNumber(setting: ModbusTag, type: NumberType, tag: Tag, order: ByteOrder): Decode {
  const codec = codecs[type];
  const read = inOrder(codec.read, codec.sizeBytes, order);
  const pattern = inOrder(codec.pattern, codec.sizeBytes, order);
  const absent = absentPatterns(setting, codec.sizeBytes * 8);
  const absentFloats = type === 'float32' || type === 'float64' ? absentValues(setting, type) : undefined;
  const scaled = isScaled(setting);
  const { scale = 1, offset = 0 } = setting;
  return (data, index, time) => {
    const at = index * 2;
    if (absent?.has(pattern(data, at))) return bad(tag, time, notAvailable);
    const raw = read(data, at);
    if (typeof raw === 'number' && absentFloats?.has(raw)) return bad(tag, time, notAvailable);
    const value = scaled ? Number(raw) * scale + offset : raw;
    if (typeof value === 'number' && !Number.isFinite(value)) return bad(tag, time, notANumber);
    return good(tag, time, value);
  };
}

/** Text ends at the first NUL; blanks that fill it up are dropped. Bytes that are no UTF-8 are read as Latin-1. */
function decodeText(tag: Tag, sizeBytes: number, order: ByteOrder): Decode {
  const swapped = order === 'BADC' || order === 'DCBA';
  return (data, index, time) => {
    const at = index * 2;
    const whole = swapped ? Buffer.from(data.subarray(at, at + sizeBytes)).swap16() : data.subarray(at, at + sizeBytes);
    const nul = whole.indexOf(0);
    const bytes = nul === -1 ? whole : whole.subarray(0, nul);
    return good(tag, time, bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1').replace(/ +$/, ''));
  };
}

/** For each order, byte n of the value in order ABCD stands at byte order[n] of its registers. */
const positions: Readonly<Record<ByteOrder, (n: number, sizeBytes: number) => number>> = {
  ABCD: (n) => n,
  CDAB: (n, sizeBytes) => sizeBytes - 2 - n + 2 * (n & 1),
  BADC: (n) => n ^ 1,
  DCBA: (n, sizeBytes) => sizeBytes - 1 - n,
};

/** Values are read one after another, never two at once, so all share one place to turn their bytes round in. */
const turned = Buffer.alloc(8);

function inOrder(read: Codec['read'], sizeBytes: number, order: ByteOrder): Codec['read'] {
  if (order === 'ABCD') return read;
  const from = Array.from({ length: sizeBytes }, (_, n) => positions[order](n, sizeBytes));
  return (bytes, at) => {
    for (let n = 0; n < sizeBytes; n++) turned[n] = bytes[at + (from[n] ?? 0)] ?? 0;
    return read(turned, 0);
  };
}

/** A negative number stands for its two's complement; what does not fit can never be read. 64-bit patterns are bigint. */
function absentPatterns(setting: ModbusTag, bits: number): ReadonlySet<number | bigint> | undefined {
  if (setting.notAvailable === undefined) return undefined;
  const patterns = setting.notAvailable
    .filter((entry) => typeof entry === 'string' || Number.isInteger(entry))
    .map((entry) => BigInt(entry))
    .filter((entry) => BigInt.asIntN(bits, entry) === entry || BigInt.asUintN(bits, entry) === entry)
    .map((entry) => BigInt.asUintN(bits, entry));
  return new Set<number | bigint>(bits === 64 ? patterns : patterns.map(Number));
}

/** Makers of floats state both: bit patterns (0x7FC00000) and values (−9999). */
function absentValues(setting: ModbusTag, type: 'float32' | 'float64'): ReadonlySet<number> | undefined {
  const numbers = setting.notAvailable?.filter((entry) => typeof entry === 'number');
  return numbers && new Set(type === 'float32' ? numbers.map((entry) => Math.fround(entry)) : numbers);
}
