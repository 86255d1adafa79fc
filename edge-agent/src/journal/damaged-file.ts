import type { Segment } from './segment.ts';
import type { SegmentName } from './segment-name.ts';

/** A file that SQLite could not read: what its name says of it, and when it was made and last written. */
export type DamagedFile = {
  readonly name: SegmentName;
  readonly madeAtMs: number;
  readonly writtenAtMs: number;
  readonly error: unknown;
};
/** What could be proven of it; null where that is nothing: it was set aside. */
export type DamagedSegment = DamagedFile & { readonly segment: Segment | null };
