/**
 * Sets of batch numbers as sorted, disjoint, closed ranges: `[[1, 17], [19, 20]]`. Adjacent ranges are always merged, so
 * a set without holes is one range, and equal sets have equal forms. Pure: every function returns a new set.
 */
export type Range = readonly [from: number, to: number];
export type Ranges = readonly Range[];

export const emptyRanges: Ranges = [];

/** The set with `from`..`to` (both included) added. */
export function addRange(ranges: Ranges, from: number, to: number = from): Ranges {
  const last = ranges[ranges.length - 1];
  if (last === undefined || from > last[1] + 1) return [...ranges, [from, to]];
  if (from >= last[0]) return to <= last[1] ? ranges : [...ranges.slice(0, -1), [last[0], to]];
  const before = ranges.filter((range) => range[1] < from - 1);
  const after = ranges.filter((range) => range[0] > to + 1);
  const touching = ranges.slice(before.length, ranges.length - after.length);
  const merged: Range = [
    Math.min(from, touching[0]?.[0] ?? from),
    Math.max(to, touching[touching.length - 1]?.[1] ?? to),
  ];
  return [...before, merged, ...after];
}

export const unionRanges = (left: Ranges, right: Ranges): Ranges =>
  right.reduce<Ranges>((sum, [from, to]) => addRange(sum, from, to), left);

/** What is in `left` and not in `right`. */
export function subtractRanges(left: Ranges, right: Ranges): Ranges {
  const result: Range[] = [];
  for (const [from, to] of left) {
    let start = from;
    for (const [cutFrom, cutTo] of right) {
      if (cutTo < start || cutFrom > to) continue;
      if (cutFrom > start) result.push([start, cutFrom - 1]);
      start = cutTo + 1;
    }
    if (start <= to) result.push([start, to]);
  }
  return result;
}

export const intersectRanges = (left: Ranges, right: Ranges): Ranges =>
  subtractRanges(left, subtractRanges(left, right));

/** Binary search: the ledger asks this for every batch. */
export function hasNumber(ranges: Ranges, number: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle] as Range;
    if (number < range[0]) high = middle - 1;
    else if (number > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}

export const countOf = (ranges: Ranges): number => ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** Whether data from outside is a set in the form above. */
export function isRanges(data: unknown): data is Ranges {
  if (!Array.isArray(data)) return false;
  let previous = -1;
  return data.every((range) => {
    if (!Array.isArray(range) || range.length !== 2 || !range.every((end) => Number.isSafeInteger(end) && end >= 0))
      return false;
    const ordered = range[0] <= range[1] && (previous < 0 || range[0] > previous + 1);
    previous = range[1];
    return ordered;
  });
}
