import type { ByteOrder, ModbusType } from '@fieldline/shared/config';
import type { Value } from '@fieldline/shared/contracts';

type NumberType = Exclude<ModbusType, 'bool' | 'string'>;
type Access = {
  readonly write: (bytes: Buffer, at: number, raw: Value) => void;
  readonly read: (bytes: Buffer, at: number) => Value;
};

/** Big-endian, as the specification has it for one register (Application Protocol v1.1b3, 4.2), continued over several. */
const access: Readonly<Record<NumberType, Access>> = {
  int16: { write: (b, at, raw) => b.writeInt16BE(Number(raw), at), read: (b, at) => b.readInt16BE(at) },
  uint16: { write: (b, at, raw) => b.writeUInt16BE(Number(raw), at), read: (b, at) => b.readUInt16BE(at) },
  int32: { write: (b, at, raw) => b.writeInt32BE(Number(raw), at), read: (b, at) => b.readInt32BE(at) },
  uint32: { write: (b, at, raw) => b.writeUInt32BE(Number(raw), at), read: (b, at) => b.readUInt32BE(at) },
  int64: { write: (b, at, raw) => b.writeBigInt64BE(BigInt(raw), at), read: (b, at) => b.readBigInt64BE(at) },
  uint64: { write: (b, at, raw) => b.writeBigUInt64BE(BigInt(raw), at), read: (b, at) => b.readBigUInt64BE(at) },
  float32: { write: (b, at, raw) => b.writeFloatBE(Number(raw), at), read: (b, at) => b.readFloatBE(at) },
  float64: { write: (b, at, raw) => b.writeDoubleBE(Number(raw), at), read: (b, at) => b.readDoubleBE(at) },
};

export type RegisterFormat = {
  readonly type: ModbusType;
  readonly byteOrder: ByteOrder;
  /** How many registers. */
  readonly count: number;
  readonly bit?: number | undefined;
};

/**
 * Writes a value that fits its type into registers. The bytes must be 0 before where several bits share a register: a bit
 * only sets itself.
 */
export function writeRegisters(bytes: Buffer, at: number, format: RegisterFormat, raw: Value): void {
  const { type, byteOrder, count, bit = 0 } = format;
  if (type === 'bool') {
    if (raw !== true) return;
    const byte = at + byteOfBit(bit, byteOrder);
    bytes[byte] = (bytes[byte] ?? 0) | (1 << (bit % 8));
    return;
  }
  if (type === 'string') bytes.fill(0, at, at + count * 2).write(String(raw), at, count * 2);
  else access[type].write(bytes, at, raw);
  if (byteOrder !== 'ABCD') reorder(bytes, at, format);
}

/** The inverse of `writeRegisters`; a text ends at its first NUL. */
export function readRegisters(bytes: Buffer, at: number, format: RegisterFormat): Value {
  const { type, byteOrder, count, bit = 0 } = format;
  if (type === 'bool') return ((bytes[at + byteOfBit(bit, byteOrder)] ?? 0) & (1 << (bit % 8))) !== 0;
  const own = Buffer.from(bytes.subarray(at, at + count * 2));
  reorder(own, 0, format);
  if (type !== 'string') return access[type].read(own, 0);
  const end = own.indexOf(0);
  return own.toString('utf8', 0, end < 0 ? own.length : end);
}

const swapsBytes = (byteOrder: ByteOrder): boolean => byteOrder === 'BADC' || byteOrder === 'DCBA';
const reversesRegisters = (byteOrder: ByteOrder): boolean => byteOrder === 'CDAB' || byteOrder === 'DCBA';

const byteOfBit = (bit: number, byteOrder: ByteOrder): number => (bit >= 8 !== swapsBytes(byteOrder) ? 0 : 1);

/** From ABCD to the byte order, and by doing it again, back. */
function reorder(bytes: Buffer, at: number, { type, byteOrder, count }: RegisterFormat): void {
  const part = bytes.subarray(at, at + count * 2);
  if (reversesRegisters(byteOrder) && type !== 'string') part.reverse().swap16();
  if (swapsBytes(byteOrder)) part.swap16();
}
