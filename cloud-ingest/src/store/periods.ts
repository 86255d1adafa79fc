/**
 * What holds for a series, and when. Gateways state in their births what they know of it; an operator states what he knows
 * better, field by field. Both stand as versions, each from an instant on; nothing is ever taken back, only stated anew.
 *
 *   - Of two versions by the same origin the one with the later instant holds from there on; of two with the same instant the
 *     one that was stated last.
 *   - What an operator has stated of a field goes before what births say of it, whenever they come, until he releases it.
 */
import type { Micros } from '@fieldline/shared/contracts';

/** The value stored is the value received × scale + offset; minimum and maximum are limits of what is stored. */
export type Fields = {
  readonly unit: string | null;
  readonly description: string | null;
  readonly scale: number;
  readonly offset: number;
  readonly minimum: number | null;
  readonly maximum: number | null;
};
export const fieldNames = ['unit', 'description', 'scale', 'offset', 'minimum', 'maximum'] as const;
export type FieldName = (typeof fieldNames)[number];

export type Origin = 'birth' | 'operator';

export type Version = {
  /** −Infinity: always. */
  readonly validFrom: Micros;
  readonly origin: Origin;
  readonly stated: Partial<Fields>;
  /** Fields for which what births say holds again; of an operator only. */
  readonly released: readonly FieldName[];
};

/** From `from` until before `to`. */
export type Period = { readonly from: Micros; readonly to: Micros; readonly fields: Fields };

export const unstated: Fields = {
  unit: null,
  description: null,
  scale: 1,
  offset: 0,
  minimum: null,
  maximum: null,
};

/** `versions` in the order in which they were stated. The periods cover all time; neighbours differ. */
export function periodsOf(versions: readonly Version[]): readonly [Period, ...Period[]] {
  let born: Partial<Fields> = {};
  const edited: Partial<Fields> = {};
  let current: Period = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, fields: unstated };
  const done: Period[] = [];
  for (const { validFrom, origin, stated, released } of versions.toSorted((a, b) =>
    compare(a.validFrom, b.validFrom),
  )) {
    if (origin === 'birth') born = stated;
    else {
      Object.assign(edited, stated);
      for (const field of released) delete edited[field];
    }
    const fields: Fields = { ...unstated, ...born, ...edited };
    if (sameFields(fields, current.fields)) continue;
    if (validFrom > current.from) done.push({ ...current, to: validFrom });
    const before = done.at(-1);
    // Two versions of one instant may together change nothing.
    if (before !== undefined && sameFields(before.fields, fields))
      current = { ...(done.pop() ?? before), to: Number.POSITIVE_INFINITY };
    else current = { from: validFrom, to: Number.POSITIVE_INFINITY, fields };
  }
  const [first = current, ...more] = [...done, current];
  return [first, ...more];
}

/** Infinities differ by NaN. */
const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);

const sameFields = (a: Fields, b: Fields): boolean => fieldNames.every((field) => a[field] === b[field]);

/** The period that an instant lies in. */
export function periodAt<Span extends { readonly from: Micros }>(periods: readonly Span[], time: Micros): Span {
  let found = periods.length - 1;
  while (found > 0 && time < (periods[found] as Span).from) found -= 1;
  return periods[found] as Span;
}

export type Span = { readonly from: Micros; readonly to: Micros };

/** The time in which `fields` differ between two histories of a series, from the first difference to the last; null where none. */
export function differingSpan(
  before: readonly Period[],
  after: readonly Period[],
  fields: readonly FieldName[],
): Span | null {
  const spans = before.flatMap((one) =>
    after
      .filter((other) => fields.some((field) => one.fields[field] !== other.fields[field]))
      .map((other) => ({ from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) }))
      .filter(({ from, to }) => from < to),
  );
  if (spans.length === 0) return null;
  return { from: Math.min(...spans.map(({ from }) => from)), to: Math.max(...spans.map(({ to }) => to)) };
}
