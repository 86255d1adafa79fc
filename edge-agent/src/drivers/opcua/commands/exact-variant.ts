/** A value as exactly the type that the server takes, and what it will be read back as. */
import type { CommandReason, Value } from '@fieldline/shared/contracts';
import type { WriteProblem } from '../../driver.ts';
import { DataType, type Variant } from '../library.ts';
import { asItComes, readVariant, type Understanding } from '../values/value.ts';
import { encode, isWritableType } from './encode.ts';
import { isName, limitsProblem, type StatedValue } from './limits.ts';

export type Refused = { readonly problem: WriteProblem };
export type Prepared = { readonly variant: Variant; readonly written: Value };

export const refused = (reason: CommandReason, message: string): Refused => ({ problem: { reason, message } });

/** `type`: that of the node or input; null where the server does not tell. `held`: what the node holds, if it is one. */
export function exactVariant(
  type: DataType | null,
  value: Value,
  stated: StatedValue,
  held: Variant | null,
  understanding: Understanding = asItComes,
): Prepared | Refused {
  if (type === null || type === DataType.Null) {
    return refused('not-representable', 'the server does not tell which type it takes');
  }
  if (!isWritableType(type)) return refused('not-representable', `a ${DataType[type]} cannot be written`);
  const unlimited = isName(understanding.names, value) ? null : limitsProblem(type, stated);
  if (unlimited !== null) return refused('not-writable', unlimited);
  const variant = encode(type, value, held, understanding.names);
  const reading = variant === null ? null : readVariant(variant, stated.type, understanding);
  const read = reading !== null && 'value' in reading ? reading.value : null;
  if (variant === null || read === null || !isMeant(type, value, read)) return unfit(type, value, read);
  return { variant, written: read };
}

/** What a Float cannot hold is no other value. */
const floatPrecision = 2 ** -24;

function isMeant(type: DataType, wanted: Value, written: Value): boolean {
  if (type !== DataType.Float || typeof wanted !== 'number' || typeof written !== 'number') return wanted === written;
  return Math.abs(wanted - written) <= Math.abs(wanted) * floatPrecision;
}

function unfit(type: DataType, wanted: Value, nearest: Value | null): Refused {
  const shown = nearest === null ? '' : `; ${nearest} would be written`;
  return refused('not-representable', `it takes ${DataType[type]}, and none stands for ${wanted}${shown}`);
}
