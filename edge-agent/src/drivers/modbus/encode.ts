/**
 * From a value to the registers that are read as it: the inverse of decode.ts. Whether they are is for the caller to see, who
 * decodes them; here is only what cannot be put into registers at all.
 */
import {
  type AnyByteOrder,
  isComputed,
  isFloat,
  isPart,
  type ModbusTag,
  registerCount,
} from '@fieldline/shared/config/modbus';
import type { Value } from '@fieldline/shared/contracts';
import { beforeArithmetic, stepOf } from './codec/arithmetic.ts';
import { intoOrder, swapsBytes } from './codec/byte-order.ts';
import { encodeText } from './codec/text.ts';

/** `mask`: which bits of the one register are meant; null where the registers are meant as a whole. */
export type Encoded = { readonly words: readonly number[]; readonly mask: number | null };

/** `power` of ten by the scale factor. null: no registers hold anything near to it. */
export function encode(setting: ModbusTag, order: AnyByteOrder, value: Value, power: number): Encoded | null {
  const byteOrder = setting.byteOrder ?? order;
  if (setting.type === 'string') {
    const bytes = encodeText(String(value), registerCount(setting), setting.characters, swapsBytes(byteOrder));
    return bytes === null ? null : { words: wordsOf(bytes), mask: null };
  }
  const bytes = isFloat(setting.type) ? floatBytes(setting, value, power) : wholeBytes(setting, value, power);
  if (bytes === null) return null;
  const words = wordsOf(intoOrder(bytes, byteOrder));
  if (!isPart(setting)) return { words, mask: null };
  const mask = Buffer.alloc(2);
  mask.writeUInt16BE(maskOf(setting));
  return { words, mask: intoOrder(mask, byteOrder).readUInt16BE() };
}

/** So far may a value be from what its registers give and still be meant by them: what floats cannot hold is no other value. */
export function toleranceOf(setting: ModbusTag, value: number, power: number): number {
  const size = Math.abs(value) + Math.abs(setting.offset ?? 0);
  if (isFloat(setting.type)) return size * (floatPrecision[setting.type] ?? 1e-15);
  return isComputed(setting) ? stepOf(setting, power) * 1e-6 + size * 1e-12 : 0;
}

const floatPrecision: Readonly<Record<string, number>> = { float16: 2 ** -11, float32: 2 ** -24 };

function floatBytes(setting: ModbusTag, value: Value, power: number): Buffer | null {
  const raw = beforeArithmetic(setting, Number(value), power);
  const bytes = Buffer.alloc(registerCount(setting) * 2);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (setting.type === 'float16') view.setFloat16(0, raw);
  else if (setting.type === 'float32') view.setFloat32(0, raw);
  else view.setFloat64(0, raw);
  return bytes;
}

function wholeBytes(setting: ModbusTag, value: Value, power: number): Buffer | null {
  const raw = wholeOf(setting, value, power);
  if (raw === null) return null;
  const count = registerCount(setting);
  if (setting.type === 'bcd') return bcdBytes(raw, count);
  if (setting.type === 'mod10000') return mod10000Bytes(raw, count, setting.signed ?? false);
  const { low, width } = fieldOf(setting);
  const fits = setting.type.startsWith('int') ? BigInt.asIntN(width, raw) : BigInt.asUintN(width, raw);
  return fits === raw ? patternBytes(BigInt.asUintN(width, raw) << BigInt(low), count) : null;
}

function wholeOf(setting: ModbusTag, value: Value, power: number): bigint | null {
  if (typeof value !== 'number' || !isComputed(setting)) return BigInt(value);
  const raw = Math.round(beforeArithmetic(setting, value, power));
  return Number.isSafeInteger(raw) ? BigInt(raw) : null;
}

/** Where in its registers a number stands, from the lowest bit. */
function fieldOf(setting: ModbusTag): { readonly low: number; readonly width: number } {
  const { type, bit, bits, byte } = setting;
  if (bit !== undefined) return { low: bit, width: 1 };
  if (bits !== undefined) return { low: bits[0], width: bits[1] - bits[0] + 1 };
  if (type === 'int8' || type === 'uint8') return { low: byte === 'high' ? 8 : 0, width: 8 };
  return { low: 0, width: registerCount(setting) * 16 };
}

function maskOf(setting: ModbusTag): number {
  const { low, width } = fieldOf(setting);
  return (2 ** width - 1) * 2 ** low;
}

const patternBytes = (pattern: bigint, count: number): Buffer =>
  Buffer.from(pattern.toString(16).padStart(count * 4, '0'), 'hex');

/** Four digits per register, the highest first. */
function bcdBytes(raw: bigint, count: number): Buffer | null {
  const digits = raw.toString().padStart(count * 4, '0');
  return raw < 0n || digits.length > count * 4 ? null : Buffer.from(digits, 'hex');
}

/** A signed one has its sign in every register that is not 0. */
function mod10000Bytes(raw: bigint, count: number, isSigned: boolean): Buffer | null {
  if ((raw < 0n && !isSigned) || raw / 10_000n ** BigInt(count) !== 0n) return null;
  const bytes = Buffer.alloc(count * 2);
  let rest = raw;
  for (let at = bytes.length - 2; at >= 0; at -= 2) {
    bytes.writeInt16BE(Number(rest % 10_000n), at);
    rest /= 10_000n;
  }
  return bytes;
}

const wordsOf = (bytes: Buffer): number[] =>
  Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(index * 2));
