/** Scalars as the library has them: as whole numbers, and as text. */

import { DataType } from '../library.ts';
import type { Content } from './content.ts';
import { instantOf, isoOf } from './time.ts';

export type Scalar = Extract<Content, { kind: 'scalar' }>;

/** Every bit of an integer; null for what is none. */
export function integerOf({ dataType, raw }: Scalar): bigint | null {
  switch (dataType) {
    case DataType.SByte:
    case DataType.Byte:
    case DataType.Int16:
    case DataType.UInt16:
    case DataType.Int32:
    case DataType.UInt32:
      return typeof raw === 'number' ? BigInt(raw) : null;
    case DataType.Int64:
      return isPair(raw) ? BigInt.asIntN(64, join(raw)) : null;
    case DataType.UInt64:
      return isPair(raw) ? join(raw) : null;
    case DataType.DateTime:
      return instantOf(raw);
    case DataType.StatusCode: {
      const code = field(raw, 'value');
      return typeof code === 'number' ? BigInt(code) : null;
    }
    default:
      return null;
  }
}

/** 64-bit integers come as [high, low]. */
const isPair = (raw: unknown): raw is readonly [number, number] => Array.isArray(raw) && raw.length >= 2;
const join = ([high, low]: readonly [number, number]): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** null where there is none. A ByteString as base64, as in OPC 10000-6 5.4.2.8; an enumeration by its name. */
export function textOfScalar(scalar: Scalar): string | null {
  const { dataType, raw, names } = scalar;
  switch (dataType) {
    case DataType.Boolean:
    case DataType.Float:
    case DataType.Double:
      return String(raw);
    case DataType.DateTime: {
      const instant = instantOf(raw);
      return instant === null ? null : isoOf(instant);
    }
    case DataType.ByteString:
      return Buffer.isBuffer(raw) ? raw.toString('base64') : null;
    case DataType.LocalizedText:
      return plainText(field(raw, 'text'));
    case DataType.QualifiedName:
    case DataType.StatusCode:
      return plainText(field(raw, 'name'));
    case DataType.DiagnosticInfo:
      return plainText(field(raw, 'additionalInfo'));
    default:
      return (typeof raw === 'number' ? names?.get(raw) : null) ?? integerOf(scalar)?.toString() ?? plainText(raw);
  }
}

/** Fixed-length strings of PLCs are filled up with U+0000. */
const plainText = (raw: unknown): string | null => (typeof raw === 'string' ? raw.replace(/\0+$/, '') : null);

const field = (raw: unknown, name: string): unknown =>
  typeof raw === 'object' && raw !== null ? Reflect.get(raw, name) : undefined;
