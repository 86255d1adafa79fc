import { fitsType, type QualityName, type Value, type ValueType } from '@fieldline/shared/contracts';
import { DataType, type DataValue, type Variant, VariantArrayType } from './library.ts';
import { isoOf, microsOf } from './time.ts';

/** A value of the tag's type, or why there is none. */
export type Reading =
  | { readonly value: Value }
  | { readonly bad: Extract<QualityName, 'bad/type' | 'bad/not-a-number' | 'bad/not-available'> };

const unfit: Reading = { bad: 'bad/type' };
const none: Reading = { bad: 'bad/not-available' };

/**
 * What the server sent, as the type that the tag states. Only what keeps every digit is converted: an Int64 beyond 2^53 in a
 * float64 tag is `bad/type`, not a rounded number. A Double in a float32 tag is rounded: that is what the tag asks for.
 */
export function readVariant(variant: Variant, type: ValueType): Reading {
  if (variant.dataType === DataType.Null) return none;
  if (variant.arrayType !== VariantArrayType.Scalar) return unfit;
  const raw: unknown = variant.value;
  if (raw === null || raw === undefined) return none;
  switch (variant.dataType) {
    case DataType.Boolean:
      return typeof raw === 'boolean' ? fromBoolean(raw, type) : unfit;
    case DataType.SByte:
    case DataType.Byte:
    case DataType.Int16:
    case DataType.UInt16:
    case DataType.Int32:
    case DataType.UInt32:
      return typeof raw === 'number' ? fromInteger(BigInt(raw), type) : unfit;
    case DataType.Int64:
      return isPair(raw) ? fromInteger(BigInt.asIntN(64, join(raw)), type) : unfit;
    case DataType.UInt64:
      return isPair(raw) ? fromInteger(join(raw), type) : unfit;
    case DataType.Float:
    case DataType.Double:
      return typeof raw === 'number' ? fromFloat(raw, type) : unfit;
    default:
      return type === 'string' ? fromText(variant.dataType, raw) : unfit;
  }
}

/** What of a data value a tag takes. */
export type DataPart = 'value' | 'status' | 'server-time';

/** The status code with all its bits or by its name, the time of the server in microseconds or as text. */
export function readPart(data: DataValue, part: Exclude<DataPart, 'value'>, type: ValueType): Reading {
  if (part === 'status') {
    const { value, name } = data.statusCode;
    return type === 'string' ? { value: name } : fromInteger(BigInt(value), type);
  }
  const micros = microsOf(data.serverTimestamp, data.serverPicoseconds);
  if (micros === null) return none;
  return type === 'string' ? { value: isoOf(micros) } : fromInteger(BigInt(micros), type);
}

function fromBoolean(raw: boolean, type: ValueType): Reading {
  if (type === 'bool') return { value: raw };
  return type === 'string' ? { value: String(raw) } : fromInteger(raw ? 1n : 0n, type);
}

function fromInteger(raw: bigint, type: ValueType): Reading {
  if (type === 'string') return { value: raw.toString() };
  if (type === 'int64' || type === 'uint64') return fitting(type, raw);
  const number = type === 'float32' ? Math.fround(Number(raw)) : Number(raw);
  return BigInt(number) === raw ? fitting(type, number) : unfit;
}

function fromFloat(raw: number, type: ValueType): Reading {
  if (!Number.isFinite(raw)) return { bad: 'bad/not-a-number' };
  if (type === 'string') return { value: String(raw) };
  if (type === 'float64') return { value: raw };
  return type === 'float32' ? fitting(type, Math.fround(raw)) : unfit;
}

const fitting = (type: ValueType, value: Value): Reading => (fitsType(type, value) ? { value } : unfit);

/** Text by the library's types; a ByteString as base64, as in OPC 10000-6 5.4.2.8. */
function fromText(dataType: DataType, raw: unknown): Reading {
  switch (dataType) {
    case DataType.String:
    case DataType.XmlElement:
    case DataType.Guid:
      return text(raw);
    case DataType.LocalizedText:
      return text(field(raw, 'text'));
    case DataType.QualifiedName:
    case DataType.StatusCode:
      return text(field(raw, 'name'));
    case DataType.DateTime:
      return raw instanceof Date ? text(raw.toISOString()) : unfit;
    case DataType.ByteString:
      return Buffer.isBuffer(raw) ? text(raw.toString('base64')) : unfit;
    case DataType.NodeId:
    case DataType.ExpandedNodeId:
      return text(String(raw));
    default:
      return unfit;
  }
}

/** Fixed-length strings of PLCs end at their first U+0000, which no text of a database may hold. */
function text(raw: unknown): Reading {
  if (raw === null || raw === undefined) return none;
  return typeof raw === 'string' ? { value: raw.replace(/\0.*$/s, '') } : unfit;
}

const field = (raw: unknown, name: string): unknown =>
  typeof raw === 'object' && raw !== null ? Reflect.get(raw, name) : undefined;

/** 64-bit integers come as [high, low]. */
const isPair = (raw: unknown): raw is readonly [number, number] => Array.isArray(raw) && raw.length >= 2;
const join = ([high, low]: readonly [number, number]): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
