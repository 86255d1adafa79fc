import type { DecodedBatch, Micros } from '@fieldline/shared/contracts';

export type BatchTimes =
  | { readonly fromTime: Micros; readonly toTime: Micros }
  | { readonly fromTime: null; readonly toTime: null };

/** The first and the last instant of its samples, in whatever order they stand. */
export function timesOf({ time }: Pick<DecodedBatch, 'time'>): BatchTimes {
  if (time.length === 0) return { fromTime: null, toTime: null };
  let fromTime = Number.POSITIVE_INFINITY;
  let toTime = Number.NEGATIVE_INFINITY;
  for (const each of time) {
    if (each < fromTime) fromTime = each;
    if (each > toTime) toTime = each;
  }
  return { fromTime, toTime };
}
