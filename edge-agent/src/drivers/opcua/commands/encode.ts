/**
 * From a value to the variant that is read as it: the inverse of value.ts. Whether it is is for the caller to see, who reads it;
 * here is only what the built-in type cannot hold at all.
 */
import type { Value } from '@fieldline/shared/contracts';
import { DataType, Variant, VariantArrayType } from '../library.ts';
import type { EnumNames } from '../values/content.ts';

/** `held`: the value of the node before, whose language a text keeps. `names`: of an enumeration. null: the type holds nothing like it. */
export function encode(
  dataType: DataType,
  value: Value,
  held: Variant | null,
  names: EnumNames | null,
): Variant | null {
  const named = [...(names ?? [])].find(([, name]) => name === value);
  const raw = rawOf(dataType, named === undefined ? value : named[0], held);
  return raw === null ? null : new Variant({ dataType, arrayType: VariantArrayType.Scalar, value: raw });
}

/** What nobody may write by a command: references, structures, and types that hold any other. */
export const isWritableType = (dataType: DataType): boolean => dataType in wholeTypes || others.includes(dataType);

const wholeTypes: Partial<Record<DataType, readonly [bits: number, isSigned: boolean]>> = {
  [DataType.SByte]: [8, true],
  [DataType.Byte]: [8, false],
  [DataType.Int16]: [16, true],
  [DataType.UInt16]: [16, false],
  [DataType.Int32]: [32, true],
  [DataType.UInt32]: [32, false],
  [DataType.Int64]: [64, true],
  [DataType.UInt64]: [64, false],
};

const others: readonly DataType[] = [
  ...[DataType.Boolean, DataType.Float, DataType.Double, DataType.String, DataType.LocalizedText],
  ...[DataType.DateTime, DataType.ByteString, DataType.Guid],
];

function rawOf(dataType: DataType, value: Value, held: Variant | null): unknown {
  const whole = wholeTypes[dataType];
  if (whole !== undefined) return rawWhole(value, ...whole);
  switch (dataType) {
    case DataType.Boolean:
      return booleanOf(value);
    case DataType.Float:
      return typeof value === 'boolean' ? null : Math.fround(Number(value));
    case DataType.Double:
      return typeof value === 'boolean' ? null : Number(value);
    case DataType.DateTime:
      return dateOf(value);
    default:
      return typeof value === 'string' ? rawText(dataType, value, held) : null;
  }
}

function rawWhole(value: Value, bits: number, isSigned: boolean): unknown {
  const whole = wholeOf(value);
  if (whole === null) return null;
  const fits = isSigned ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole);
  if (fits !== whole) return null;
  if (bits < 64) return Number(whole);
  const pattern = BigInt.asUintN(64, whole);
  return [Number(pattern >> 32n), Number(pattern & 0xffff_ffffn)];
}

function wholeOf(value: Value): bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : null;
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : null;
}

function booleanOf(value: Value): boolean | null {
  if (typeof value === 'boolean') return value;
  const [on, off] = typeof value === 'string' ? ['true', 'false'] : ['1', '0'];
  const stated = String(value);
  return stated === on ? true : stated === off ? false : null;
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A number is in microseconds since 1970; the library sends milliseconds. */
function dateOf(value: Value): Date | null {
  if (typeof value === 'boolean') return null;
  const date = new Date(typeof value === 'string' ? value : Number(value) / 1_000);
  return Number.isNaN(date.getTime()) ? null : date;
}

function rawText(dataType: DataType, text: string, held: Variant | null): unknown {
  switch (dataType) {
    case DataType.LocalizedText:
      return { locale: localeOf(held), text };
    case DataType.ByteString:
      return Buffer.from(text, 'base64');
    case DataType.Guid:
      return guid.test(text) ? text : null;
    default:
      return text;
  }
}

function localeOf(held: Variant | null): string | null {
  const text: unknown = held?.dataType === DataType.LocalizedText ? held.value : null;
  const locale: unknown = typeof text === 'object' && text !== null ? Reflect.get(text, 'locale') : null;
  return typeof locale === 'string' ? locale : null;
}
