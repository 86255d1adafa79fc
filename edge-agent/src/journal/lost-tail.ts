/** What is lost of the ends of streams whose last file is damaged. Pure. */
import type { Declaration, Micros, Ranges } from '@fieldline/shared/contracts';
import { type DamagedSegment, type Found, type FoundSegment, filesOf, lastBeforeNext } from './found.ts';
import type { Note } from './note.ts';
import { type Now, notedEnd } from './noted-end.ts';
import { lackingSince, type NotedEnd } from './segment-end.ts';
import type { SegmentName } from './segment-name.ts';

/** The time of a write is that of the last tick of the kernel before it. */
const tickMs = 10;

type Damaged = Omit<DamagedSegment, 'error'>;

/**
 * Where no later note tells, nobody knows how many batches a damaged file at the end of its stream held, but its times are known.
 * What came after `since` is declared anyway.
 */
export function lostTails(found: Found, unknown: ReadonlyMap<string, NotedEnd>, since: Micros | null): Declaration[] {
  return found.damaged.flatMap((file) => {
    const noted = unknown.get(file.name.stream);
    if (noted === undefined || lastBeforeNext(file.name, filesOf(found)) !== null) return [];
    return lostTail(file, noted, found.segments).filter(
      ({ from }) => file.segment === null || since === null || from < since,
    );
  });
}

/**
 * Streams with damaged files of which the note does not say where they end, and what it says of them: a note is older than the last
 * batches of its own opening, unless that was closed. A later opening of the class has noted where the one before it ended.
 */
export function unknownEnds(found: Found, note: Note, now: Now): Map<string, NotedEnd> {
  const noted = new Map<string, Ranges>(note.held);
  const files = filesOf(found);
  const isKnown = ({ stream, first, number, class: tagClass }: SegmentName): boolean =>
    (noted.get(stream)?.at(-1)?.[1] ?? 0) >= first &&
    (note.closed || files.some((file) => file.class === tagClass && file.stream !== stream && file.number > number));
  const damaged = [...found.damaged, ...found.postponed].map(({ name }) => name);
  return new Map(damaged.filter((name) => !isKnown(name)).map(({ stream }) => [stream, notedEnd(stream, note, now)]));
}

/** The end of a stream whose last file is damaged: until that was written last. Nothing where the file itself proves that it has its end. */
export function lostTail(
  { name, segment, madeAtMs, writtenAtMs }: Damaged,
  noted: NotedEnd,
  segments: readonly FoundSegment[],
): Declaration[] {
  if (segment?.end.isProven) return [];
  const before = segments.findLast((each) => each.name.class === name.class && each.name.number <= name.number);
  const lastAt = before?.lastAt ?? Math.round(madeAtMs * 1_000);
  return [
    lostBetween(lackingSince(segment?.last ?? name.first, lastAt, noted), Math.round((writtenAtMs + tickMs) * 1_000)),
  ];
}

const lostBetween = (from: Micros, to: Micros): Declaration => ({
  kind: 'series',
  device: null,
  tag: null,
  from: Math.min(from, to),
  to: Math.max(from, to),
  samples: null,
  reason: 'journal-damaged',
});
