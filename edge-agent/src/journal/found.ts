/** What a start finds in the folder of a journal. */
import type { Micros, Ranges } from '@fieldline/shared/contracts';
import type { Segment } from './segment.ts';
import type { SegmentEnd } from './segment-end.ts';
import type { SegmentName } from './segment-name.ts';

/** A file that SQLite could not read: what its name says of it, and when it was made and last written. */
export type DamagedFile = {
  readonly name: SegmentName;
  readonly madeAtMs: number;
  readonly writtenAtMs: number;
  readonly error: unknown;
};
/** What could be proven of it; null where that is nothing: it is set aside. */
export type DamagedSegment = DamagedFile & { readonly segment: Segment | null };

/** What the journal needs to know of a segment that it found. */
export type FoundSegment = {
  readonly name: SegmentName;
  readonly head: { readonly volatile: boolean; readonly openedAt: Micros };
  readonly held: Ranges;
  readonly last: number;
  readonly lastAt: Micros;
  readonly end: SegmentEnd;
};

type Named = { readonly name: SegmentName };
type Files = Pick<Found, 'leftAside'> & Readonly<Record<'segments' | 'damaged' | 'postponed', readonly Named[]>>;

/** What a folder shows. */
export type Found = {
  /** Oldest first; those of which something was salvaged too. */
  readonly segments: readonly FoundSegment[];
  readonly damaged: readonly Omit<DamagedSegment, 'error'>[];
  /** Damaged, and not looked into yet: nothing is said of them. */
  readonly postponed: readonly Omit<DamagedFile, 'error'>[];
  /** Set aside by earlier openings, which have declared what was lost of them. */
  readonly leftAside: readonly SegmentName[];
};

/** The names of all files that are there, or were until their damage was found. */
export const filesOf = ({ segments, damaged, postponed, leftAside }: Files): SegmentName[] => [
  ...new Set([...[...segments, ...damaged, ...postponed].map(({ name }) => name), ...leftAside]),
];

/** Where a segment ends, as the next one of its stream says; null where there is none. */
export function lastBeforeNext(name: SegmentName, others: readonly SegmentName[]): number | null {
  const firsts = others.filter(({ stream, first }) => stream === name.stream && first > name.first);
  return firsts.length === 0 ? null : Math.min(...firsts.map(({ first }) => first)) - 1;
}
