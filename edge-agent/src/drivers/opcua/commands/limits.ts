/** A number goes out only within limits. Which nodes take numbers the server says, and the limits of the settings are those of the tag's type. */
import type { CallInput } from '@fieldline/shared/config';
import type { Value, ValueType } from '@fieldline/shared/contracts';
import { DataType } from '../library.ts';
import type { EnumNames } from '../values/content.ts';

/** The type in which commands give a value, and the values that it may have, where the settings name them. */
export type StatedValue = { readonly type: ValueType; readonly oneOf?: CallInput['oneOf'] | undefined };

/** Why no number may be written as text; null where it may, or it takes no number. */
export function limitsProblem(type: DataType, { type: given, oneOf }: StatedValue): string | null {
  const isNumber = type >= DataType.SByte && type <= DataType.Double;
  if (!isNumber || given !== 'string' || oneOf !== undefined) return null;
  return `it takes ${DataType[type]}, and a text has no limits: state a type of numbers with min and max, or oneOf`;
}

/** A name of an enumeration is no number that anybody could mistake. */
export const isName = (names: EnumNames | null, value: Value): boolean =>
  typeof value === 'string' && names !== null && names.values().some((name) => name === value);
