import type { Position } from './backbone.ts';

export type Bounds = { readonly partition: number; readonly oldest: number; readonly next: number };

/** Where a consumer begins that wants to go on at a position, in a log that may have moved on or been made again. */
export type Start =
  /** `proof`: of the record before `offset`, to be seen first; null when there is none to see. */
  | { readonly kind: 'there'; readonly offset: number; readonly proof: string | null }
  | { readonly kind: 'gap'; readonly from: number; readonly to: number }
  /** The log ends before the wanted offset: it was made again, or lost its end. */
  | { readonly kind: 'shorter' };

export function startAt(wanted: Position | undefined, { oldest, next }: Bounds): Start {
  if (wanted === undefined) return { kind: 'there', offset: oldest, proof: null };
  const { offset, proof = null } = wanted;
  if (offset > next) return { kind: 'shorter' };
  if (offset < oldest) return { kind: 'gap', from: offset, to: oldest - 1 };
  // Of a log that retention has emptied up to here, e.g. an idle one, nothing is left to look at.
  return { kind: 'there', offset, proof: offset === oldest ? null : proof };
}
