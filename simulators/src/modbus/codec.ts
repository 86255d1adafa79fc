import {
  type AnyByteOrder,
  type CharacterPlace,
  longByteOrders,
  type ModbusType,
  modbusValueType,
  type TimeForm,
} from '@fieldline/shared/config';
import type { Value, ValueType } from '@fieldline/shared/contracts';
import { readClock, writeClock } from './clocks.ts';
import { readDigits, writeDigits } from './digits.ts';

type Access = {
  readonly write: (bytes: Buffer, at: number, raw: Value) => void;
  readonly read: (bytes: Buffer, at: number) => Value;
};
type BinaryType = Exclude<ModbusType, 'bool' | 'string' | 'bcd' | 'mod10000' | 'time'>;

/** Big-endian, as the specification has it for one register (Application Protocol v1.1b3, 4.2), continued over several. */
const access: Readonly<Record<BinaryType, Access>> = {
  int8: { write: (b, at, raw) => b.writeInt8(Number(raw), at + 1), read: (b, at) => b.readInt8(at + 1) },
  uint8: { write: (b, at, raw) => b.writeUInt8(Number(raw), at + 1), read: (b, at) => b.readUInt8(at + 1) },
  int16: { write: (b, at, raw) => b.writeInt16BE(Number(raw), at), read: (b, at) => b.readInt16BE(at) },
  uint16: { write: (b, at, raw) => b.writeUInt16BE(Number(raw), at), read: (b, at) => b.readUInt16BE(at) },
  int24: { write: (b, at, raw) => b.writeIntBE(Number(raw), at + 1, 3), read: (b, at) => b.readIntBE(at + 1, 3) },
  uint24: { write: (b, at, raw) => b.writeUIntBE(Number(raw), at + 1, 3), read: (b, at) => b.readUIntBE(at + 1, 3) },
  int32: { write: (b, at, raw) => b.writeInt32BE(Number(raw), at), read: (b, at) => b.readInt32BE(at) },
  uint32: { write: (b, at, raw) => b.writeUInt32BE(Number(raw), at), read: (b, at) => b.readUInt32BE(at) },
  int48: { write: (b, at, raw) => b.writeIntBE(Number(raw), at, 6), read: (b, at) => BigInt(b.readIntBE(at, 6)) },
  uint48: { write: (b, at, raw) => b.writeUIntBE(Number(raw), at, 6), read: (b, at) => BigInt(b.readUIntBE(at, 6)) },
  int64: { write: (b, at, raw) => b.writeBigInt64BE(BigInt(raw), at), read: (b, at) => b.readBigInt64BE(at) },
  uint64: { write: (b, at, raw) => b.writeBigUInt64BE(BigInt(raw), at), read: (b, at) => b.readBigUInt64BE(at) },
  float16: { write: (b, at, raw) => viewOf(b).setFloat16(at, Number(raw)), read: (b, at) => viewOf(b).getFloat16(at) },
  float32: { write: (b, at, raw) => b.writeFloatBE(Number(raw), at), read: (b, at) => b.readFloatBE(at) },
  float64: { write: (b, at, raw) => b.writeDoubleBE(Number(raw), at), read: (b, at) => b.readDoubleBE(at) },
};

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export type RegisterFormat = {
  readonly type: ModbusType;
  readonly byteOrder: AnyByteOrder;
  /** How many registers. */
  readonly count: number;
  readonly bit?: number | undefined;
  readonly bits?: readonly [number, number] | undefined;
  readonly byte?: 'low' | 'high' | undefined;
  readonly characters?: CharacterPlace | undefined;
  readonly signed?: boolean | undefined;
  readonly timeForm?: TimeForm | undefined;
  readonly utcOffsetMinutes?: number | undefined;
};

/**
 * Writes a value that fits its type into registers. The bytes must be 0 before where several points share a register: a bit, a
 * byte and a field of bits only set their own.
 */
export function writeRegisters(bytes: Buffer, at: number, format: RegisterFormat, raw: Value): void {
  if (format.byteOrder === 'ABCD' && format.bits === undefined && isPlain(format.type)) {
    access[format.type].write(bytes, at, raw);
    return;
  }
  const own = Buffer.alloc(format.count * 2);
  write(own, format, raw);
  reorder(own, format);
  if (!isShared(format)) own.copy(bytes, at);
  else for (const [index, byte] of own.entries()) bytes[at + index] = (bytes[at + index] ?? 0) | byte;
}

/** The inverse of `writeRegisters`; a text ends at its first NUL. */
export function readRegisters(bytes: Buffer, at: number, format: RegisterFormat): Value {
  const own = Buffer.from(bytes.subarray(at, at + format.count * 2));
  reorder(own, format);
  return read(own, format);
}

/** Whether other points may stand in the same registers. */
const isShared = ({ type, bits }: RegisterFormat): boolean =>
  type === 'bool' || type === 'int8' || type === 'uint8' || bits !== undefined;

/** The types that most points have: nothing of them is shared, and they need no second place. */
const isPlain = (type: ModbusType): type is BinaryType => type in access && type !== 'int8' && type !== 'uint8';

/** Into bytes that are all 0, in the order ABCD. */
function write(own: Buffer, format: RegisterFormat, raw: Value): void {
  const { type, characters = 'both-bytes', timeForm = 'unix-seconds', utcOffsetMinutes = 0 } = format;
  const field = fieldOf(format);
  if (field !== null) writeField(own, field, BigInt(raw));
  else if (type === 'string') writeText(own, characters, String(raw));
  else if (type === 'bcd' || type === 'mod10000') writeDigits(own, type, BigInt(raw));
  else if (type === 'time') writeClock(own, timeForm, BigInt(raw), utcOffsetMinutes);
  else access[type as BinaryType].write(own, 0, raw);
}

function read(own: Buffer, format: RegisterFormat): Value {
  const { type, characters = 'both-bytes', timeForm = 'unix-seconds', utcOffsetMinutes = 0 } = format;
  const field = fieldOf(format);
  if (field !== null) return wholeAs(type, readField(own, field, type.startsWith('int')));
  if (type === 'string') return readText(own, characters);
  if (type === 'bcd' || type === 'mod10000') return wholeAs(type, readDigits(own, type), format);
  if (type === 'time') return readClock(own, timeForm, utcOffsetMinutes);
  return access[type as BinaryType].read(own, 0);
}

function wholeAs(type: ModbusType, whole: bigint, { count, signed }: Partial<RegisterFormat> = {}): Value {
  const as: ValueType = modbusValueType({ type, registers: count, signed });
  if (as === 'bool') return whole !== 0n;
  return as === 'int64' || as === 'uint64' ? whole : Number(whole);
}

/** A part of the registers, by its lowest and highest bit. */
type Field = readonly [low: number, high: number];

function fieldOf({ type, bit = 0, bits, byte }: RegisterFormat): Field | null {
  if (type === 'bool') return [bit, bit];
  if ((type === 'int8' || type === 'uint8') && byte === 'high') return [8, 15];
  return bits ?? null;
}

const wholeOf = (own: Buffer): bigint => BigInt(`0x${own.toString('hex')}`);

function writeField(own: Buffer, [low, high]: Field, value: bigint): void {
  const whole = BigInt.asUintN(high - low + 1, value) << BigInt(low);
  own.write(whole.toString(16).padStart(own.length * 2, '0'), 'hex');
}

function readField(own: Buffer, [low, high]: Field, isSigned: boolean): bigint {
  const rest = wholeOf(own) >> BigInt(low);
  return isSigned ? BigInt.asIntN(high - low + 1, rest) : BigInt.asUintN(high - low + 1, rest);
}

function writeText(own: Buffer, place: CharacterPlace, text: string): void {
  if (place === 'both-bytes') own.write(text);
  else
    for (const [n, byte] of Buffer.from(text)
      .subarray(0, own.length / 2)
      .entries())
      own[byteAt(n, place)] = byte;
}

function readText(own: Buffer, place: CharacterPlace): string {
  const bytes =
    place === 'both-bytes'
      ? own
      : Buffer.from(Array.from({ length: own.length / 2 }, (_, n) => own[byteAt(n, place)] ?? 0));
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

const byteAt = (character: number, place: CharacterPlace): number => character * 2 + (place === 'high-byte' ? 0 : 1);

/** From ABCD to the byte order, and by doing it again, back: every order is its own inverse. */
function reorder(own: Buffer, { type, byteOrder, count }: RegisterFormat): void {
  const order = shortName[byteOrder] ?? byteOrder;
  if (order === 'EFGHABCD' || order === 'FEHGBADC') own.swap64().swap32();
  if (order === 'CDABGHEF' || order === 'DCBAHGFE') own.swap32().swap16();
  if ((order === 'CDAB' || order === 'DCBA') && type !== 'string') own.reverse().swap16();
  if (order.indexOf('A') % 2 === 1 && count > 0) own.swap16();
}

/** The long names that say no more than a short one. */
const shortName: Partial<Record<AnyByteOrder, AnyByteOrder>> = {
  [longByteOrders[0]]: 'ABCD',
  [longByteOrders[1]]: 'CDAB',
  [longByteOrders[2]]: 'BADC',
  [longByteOrders[3]]: 'DCBA',
};
