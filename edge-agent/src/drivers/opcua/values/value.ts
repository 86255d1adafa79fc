import { fitsType, type QualityName, type Value, type ValueType } from '@fieldline/shared/contracts';
import { DataType, type DataValue, type Variant } from '../library.ts';
import { type Content, contentOf, type EnumNames, type KnownTypes, noTypes } from './content.ts';
import { textOf } from './content-text.ts';
import { type Element, pick } from './element.ts';
import { integerOf, type Scalar } from './scalar.ts';
import { isoOf, microsOf } from './time.ts';

/** A value of the tag's type, or why there is none. `undecoded`: parts of it are but the bytes that came. */
export type Reading =
  | { readonly value: Value; readonly undecoded?: true }
  | { readonly bad: Extract<QualityName, 'bad/type' | 'bad/not-a-number' | 'bad/not-available'> };

const unfit: Reading = { bad: 'bad/type' };
const none: Reading = { bad: 'bad/not-available' };

/** How the values of a node are to be understood. */
export type Understanding = {
  /** The part of the value that the tag takes; null: all of it. */
  readonly element: Element | null;
  /** Of an enumeration; null of any other type. */
  readonly names: EnumNames | null;
  readonly types: KnownTypes;
};

export const asItComes: Understanding = { element: null, names: null, types: noTypes };

/**
 * What the server sent, as the type that the tag states. Only what keeps every digit is converted: an Int64 beyond 2^53 in a
 * float64 tag is `bad/type`, not a rounded number. A Double in a float32 tag is rounded: that is what the tag asks for.
 */
export function readVariant(variant: Variant, type: ValueType, { element, names, types } = asItComes): Reading {
  const whole = contentOf(variant, names, types);
  const content = element === null ? whole : pick(whole, element);
  if (content === null) return none;
  return content.kind === 'scalar' ? readScalar(content, type) : type === 'string' ? readText(content) : unfit;
}

function readScalar(scalar: Scalar, type: ValueType): Reading {
  const { dataType, raw } = scalar;
  if (raw === null || raw === undefined) return none;
  if (dataType === DataType.Boolean) return typeof raw === 'boolean' ? fromBoolean(raw, type) : unfit;
  if (dataType === DataType.Float || dataType === DataType.Double) {
    return typeof raw === 'number' ? fromFloat(raw, type) : unfit;
  }
  if (type === 'string') return readText(scalar);
  const integer = integerOf(scalar);
  if (integer !== null) return fromInteger(integer, type);
  return dataType === DataType.DateTime ? none : unfit;
}

function readText(content: Content): Reading {
  const { text, isDecoded } = textOf(content);
  if (text === null) return none;
  // No text of a database may hold it, and a part of the text is not the text. JSON has it as \\u0000.
  if (text.includes('\0')) return unfit;
  return isDecoded ? { value: text } : { value: text, undecoded: true };
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
  return type === 'string' ? { value: isoOf(BigInt(micros)) } : fromInteger(BigInt(micros), type);
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
