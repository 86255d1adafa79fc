import type { Position } from './backbone.ts';

export type Bounds = { readonly partition: number; readonly oldest: number; readonly next: number };
export type Start = {
  readonly offset: number;
  readonly gap: { readonly from: number; readonly to: number } | null;
  /** The log ends before the wanted offset: it was made again, or lost its end. */
  readonly shorter: boolean;
};

/** Where a consumer begins that wants to go on at a position, in a log that may have moved on or been made again. */
export function startAt(wanted: Position | undefined, bounds: Bounds): Start {
  const { oldest, next } = bounds;
  if (wanted === undefined) return { offset: oldest, gap: null, shorter: false };
  if (wanted.offset > next) return { offset: oldest, gap: null, shorter: true };
  if (wanted.offset < oldest) {
    return { offset: oldest, gap: { from: wanted.offset, to: oldest - 1 }, shorter: false };
  }
  return { offset: wanted.offset, gap: null, shorter: false };
}
