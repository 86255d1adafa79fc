/** Binary numbers, their bytes in the order ABCD. */
import { type ModbusTag, type ModbusType, registerCount } from '@fieldline/shared/config/modbus';
import { readFloat16 } from './float16.ts';
import type { Read } from './read.ts';

export type BinaryType = Exclude<ModbusType, 'bool' | 'bcd' | 'mod10000' | 'string' | 'time'>;

const readers: Readonly<Record<BinaryType, Read<number | bigint>>> = {
  int8: (bytes, at) => bytes.readInt8(at + 1),
  uint8: (bytes, at) => bytes.readUInt8(at + 1),
  int16: (bytes, at) => bytes.readInt16BE(at),
  uint16: (bytes, at) => bytes.readUInt16BE(at),
  int24: (bytes, at) => bytes.readIntBE(at + 1, 3),
  uint24: (bytes, at) => bytes.readUIntBE(at + 1, 3),
  int32: (bytes, at) => bytes.readInt32BE(at),
  uint32: (bytes, at) => bytes.readUInt32BE(at),
  int48: (bytes, at) => BigInt(bytes.readIntBE(at, 6)),
  uint48: (bytes, at) => BigInt(bytes.readUIntBE(at, 6)),
  int64: (bytes, at) => bytes.readBigInt64BE(at),
  uint64: (bytes, at) => bytes.readBigUInt64BE(at),
  float16: readFloat16,
  float32: (bytes, at) => bytes.readFloatBE(at),
  float64: (bytes, at) => bytes.readDoubleBE(at),
};

export function readBinary(type: BinaryType, { byte, bits }: ModbusTag): Read<number | bigint> {
  const read = readers[type];
  if (bits !== undefined) return readField(type, bits);
  return byte === 'high' ? (bytes, at) => read(bytes, at - 1) : read;
}

/** A field of bits; that of a signed type has its sign in its highest bit. */
function readField(type: BinaryType, [low, high]: readonly [number, number]): Read<number | bigint> {
  const width = high - low + 1;
  const isSigned = type.startsWith('int');
  if (registerCount({ type }) === 4) {
    const [shift, cut] = [BigInt(low), isSigned ? BigInt.asIntN : BigInt.asUintN];
    return (bytes, at) => cut(width, bytes.readBigUInt64BE(at) >> shift);
  }
  const pattern = readPattern(registerCount({ type }) * 16) as Read<number>;
  const drop = 32 - width;
  return isSigned
    ? (bytes, at) => ((pattern(bytes, at) >>> low) << drop) >> drop
    : (bytes, at) => ((pattern(bytes, at) >>> low) << drop) >>> drop;
}

/** The bits as an unsigned number: what `notAvailable` is compared with. Those of 64 bits are bigint, no others. */
export function readPattern(bits: number): Read<number | bigint> {
  switch (bits) {
    case 8:
      return readers.uint8;
    case 16:
      return readers.uint16;
    case 24:
      return readers.uint24;
    case 32:
      return readers.uint32;
    case 48:
      return (bytes, at) => bytes.readUIntBE(at, 6);
    default:
      return readers.uint64;
  }
}
