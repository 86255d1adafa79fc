import type { Range, Ranges } from '@fieldline/shared/contracts';

/** Ranges as PostgreSQL writes int8multirange: `{[1,18),[19,21)}`, its ends made half-open. */
export const formatMultirange = (ranges: Ranges): string =>
  `{${ranges.map(([from, to]) => `[${from},${to + 1})`).join(',')}}`;

/** @throws RangeError for a text that PostgreSQL does not write for a bounded multirange */
export function parseMultirange(text: string): Ranges {
  if (text === '{}') return [];
  if (!/^\{\[\d+,\d+\)(,\[\d+,\d+\))*\}$/.test(text)) throw new RangeError(`not a multirange: ${text}`);
  return [...text.matchAll(/\[(\d+),(\d+)\)/g)].map(([, from, to]): Range => [Number(from), Number(to) - 1]);
}
