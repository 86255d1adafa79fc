/** Where a segment ends, and its stream with it: what may have been behind. */
import type { Micros } from '@fieldline/shared/contracts';

/** What is known of where a segment ends. */
export type SegmentEnd = {
  /** Nothing was committed to it after the last batch that it gives, as far as its files can tell. */
  readonly isProven: boolean;
  /** When the flush was that came before the one of its last batch; null where it has but one. */
  readonly flushedBefore: Micros | null;
};

/** What a note says of where a stream ends. */
export type NotedEnd = {
  /** The last number that was given when the note was written; 0 where the note does not know the stream. */
  readonly last: number;
  /** When that was, by the clock as it is now. */
  readonly at: Micros;
  /** How far before a flush the times of what was read after it may lie. */
  readonly earlierBy: Micros;
};

/**
 * Since when a stream may lack batches that no number tells of. `last`: the last that is there, encoded at `lastAt`. What was given
 * when the note was written, and is not there, is known by its numbers.
 */
export const lackingSince = (last: number, lastAt: Micros, noted: NotedEnd): Micros =>
  noted.last >= last && noted.at > 0 ? noted.at : lastAt - noted.earlierBy;
