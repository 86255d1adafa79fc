/** Since when samples are lost that were read and not written, and whether files are lost of which no note tells. Pure. */
import { emptyRanges, type Micros, type Ranges, subtractRanges } from '@fieldline/shared/contracts';
import { type Found, type FoundSegment, filesOf } from './found.ts';
import type { NewestNote, Note } from './note.ts';
import { earlierBy, type Now, notedEnd } from './noted-end.ts';
import { lackingSince } from './segment-end.ts';

/**
 * The last flush of a process that did not end in order. One whose clock was not set has said what the one before it lost; its own
 * losses are those of what waits for the time. Where more was lost, nobody knows what was written since the note. Of a damaged file
 * the end may be lost as well: that is declared on its own (`lost-tail.ts`).
 */
export function lostSince(found: Found, note: NewestNote, now: Now): Micros | null {
  if (note.unset !== null && !note.mayBeOld) return note.unset.lostSince;
  if (note.closed) return null;
  const { segments, damaged } = found;
  // Of a file of which nothing can be read one knows when it was written last.
  if (segments.length === 0)
    return damaged.length === 0 ? null : Math.max(...damaged.map(({ writtenAtMs }) => Math.round(writtenAtMs * 1_000)));
  const [back, unset] = [earlierBy(note, now), note.unset?.lostSince ?? Number.POSITIVE_INFINITY];
  const until = Math.min(lastFlush(found, note) - back, unset, ...tornEnds(found, note, now));
  const isMoreLost = isEndGone(found, note) || (note.mayBeOld && mayMoreBeGone(found, note.file, now));
  if (!isMoreLost) return until;
  return Math.min(until, note.written === null ? beginningOf(found) : note.written.at - back);
}

/**
 * Its segments: each class has its own. A salvaged one does not say when it was opened, but when the first batch was encoded that is
 * left of it.
 */
function lastOpening({ segments, damaged }: Found): FoundSegment[] {
  const newest = segments.at(-1);
  if (newest === undefined) return [];
  const isSalvaged = (name: FoundSegment['name']): boolean => damaged.some((each) => each.name === name);
  return segments.filter(({ name, head, lastAt }) =>
    isSalvaged(name) || isSalvaged(newest.name)
      ? lastAt >= newest.head.openedAt
      : head.openedAt === newest.head.openedAt,
  );
}

/**
 * What was read before it was written. One class has nothing else. Of several, one may have been written in the last flush that is
 * known when the kill came, and another not: nothing tells it from one that had no news. So it is the flush before, as any says, or
 * the note.
 */
function lastFlush(found: Found, { written }: Note): Micros {
  const opening = Map.groupBy(lastOpening(found), ({ name }) => name.stream);
  const last = Math.max(...[...opening.values()].flat().map(({ lastAt }) => lastAt));
  // Files of which only the names are known may be of the same opening.
  const unread = [...found.postponed, ...found.damaged.filter(({ segment }) => segment === null)];
  const isAlone = opening.size === 1 && unread.every(({ name }) => opening.has(name.stream));
  const before = Math.max(written?.at ?? 0, ...[...opening.values()].map(flushBefore));
  return isAlone ? last : Math.min(last, before);
}

/** Of one stream. Before its first flush there is its opening. */
function flushBefore(segments: readonly FoundSegment[]): Micros {
  const times = segments.map((each) => (each === segments.at(-1) ? each.end.flushedBefore : each.lastAt));
  const known = times.filter((at) => at !== null);
  return known.length > 0 ? Math.max(...known) : (segments[0]?.head.openedAt ?? 0);
}

/** Where commits may be missing at the end of files that are whole as far as SQLite reads them: as if they had never been. */
function tornEnds(found: Found, note: Note, now: Now): Micros[] {
  const opening = lastOpening(found);
  const ends = [...Map.groupBy(opening, ({ name }) => name.stream).values()].flatMap((segments) => segments.slice(-1));
  return ends
    .filter(({ name, end }) => !end.isProven && !found.damaged.some((each) => each.name === name))
    .map(({ name, last, lastAt }) => lackingSince(last, lastAt, notedEnd(name.stream, note, now)));
}

/**
 * Files that were begun after the one with the note. Where there is none, those that came before all that are there are of earlier
 * openings, unless another class may have begun with the last one.
 */
function mayMoreBeGone(found: Found, noteFile: number, { classes }: Now): boolean {
  const files = filesOf(found);
  const numbers = files.map(({ number }) => number);
  const isOneClass = new Set([...classes, ...files.map((name) => name.class)]).size === 1;
  const known = noteFile === 0 && isOneClass ? Math.min(...numbers) - 1 : noteFile;
  return numbers.filter((number) => number > known).length < Math.max(...numbers) - known;
}

/** Of all that the files tell of. */
const beginningOf = ({ segments, damaged, postponed }: Found): Micros =>
  Math.min(
    ...segments.map(({ head }) => head.openedAt),
    ...[...damaged, ...postponed].map(({ madeAtMs }) => Math.round(madeAtMs * 1_000)),
  );

/** The file with the end of a stream was deleted: how far it went after the note was written, nobody knows. */
function isEndGone(found: Found, { held, confirmed }: Note): boolean {
  const { segments } = found;
  const settled = new Map<string, Ranges>(confirmed);
  const files = filesOf(found);
  return held.some(([stream, ranges]) => {
    const end = subtractRanges(ranges, settled.get(stream) ?? emptyRanges).at(-1)?.[1];
    if (end === undefined) return false;
    const own = segments.filter(({ name }) => name.stream === stream).map(({ last }) => last);
    return Math.max(0, ...own) < end && !files.some((name) => name.stream === stream && name.first >= end);
  });
}
