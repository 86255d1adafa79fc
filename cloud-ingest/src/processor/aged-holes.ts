import { intersectRanges, type Ranges } from '@fieldline/shared/contracts';

/** Which holes of a stream have been there long enough to be asked for: order on the wire is free, most close by themselves. */
export type HoleWatch = {
  /** Holes that were there at a look at least `ageMs` ago. */
  readonly aged: Ranges;
  /** Holes at the look that `sinceMs` belongs to. */
  readonly young: Ranges;
  readonly sinceMs: number;
};

/** The watch after a look that finds `holes`. A hole counts as aged after one to two times `ageMs`. */
export function watchHoles(watch: HoleWatch | undefined, holes: Ranges, nowMs: number, ageMs: number): HoleWatch {
  if (watch === undefined) return { aged: [], young: holes, sinceMs: nowMs };
  if (nowMs - watch.sinceMs < ageMs) return { ...watch, aged: intersectRanges(watch.aged, holes) };
  return { aged: intersectRanges(watch.young, holes), young: holes, sinceMs: nowMs };
}
