/** Since when samples are lost that were read and not written, and whether files are lost of which no note tells. Pure. */
import { emptyRanges, type Micros, type Ranges, subtractRanges } from '@fieldline/shared/contracts';
import { type Found, filesOf, lastBeforeNext } from './found.ts';
import type { NewestNote, Note } from './note.ts';
import type { Boot } from './undated/boot.ts';

/** By the clock on the wall, and in the boot. */
export type Now = { readonly at: Micros; readonly boot: Boot };

/**
 * The last flush of a process that did not end in order. One whose clock was not set has said what the one before it lost; its own
 * losses are those of what waits for the time. Where more was lost, nobody knows what was written since the note.
 */
export function lostSince(found: Found, note: NewestNote, now: Now): Micros | null {
  if (note.unset !== null && !note.mayBeOld) return note.unset.lostSince;
  if (note.closed) return null;
  const { segments, damaged } = found;
  const newest = segments.at(-1);
  // Of a file of which nothing can be read one knows when it was written last.
  if (newest === undefined)
    return damaged.length === 0 ? null : Math.max(...damaged.map(({ writtenAtMs }) => Math.round(writtenAtMs * 1_000)));
  // Each class has its own, and some have news seldom.
  const last = segments.filter(({ head }) => head.openedAt === newest.head.openedAt).map(({ lastAt }) => lastAt);
  const until = Math.min(Math.max(...last) - setBackBy(note, now), note.unset?.lostSince ?? Number.POSITIVE_INFINITY);
  const isMoreLost = isEndGone(found, note) || (note.mayBeOld && mayMoreBeGone(found, note.file));
  return isMoreLost ? Math.min(until, note.written?.at ?? beginningOf(found)) : until;
}

/** Beside the end of the newest file: files that were begun after the one with the note, and ends of streams. */
function mayMoreBeGone(found: Found, noteFile: number): boolean {
  const files = filesOf(found);
  const after = files.filter(({ number }) => number > noteFile).length;
  const newest = Math.max(...files.map(({ number }) => number));
  if (after < newest - noteFile) return true;
  return [...found.damaged, ...found.postponed].some(
    ({ name }) => name.number !== newest && lastBeforeNext(name, files) === null,
  );
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

/** How far the clock was set back since the note was written: what was read after that, and lost, has earlier times. */
function setBackBy({ written }: Note, { at, boot }: Now): Micros {
  if (written === null || written.boot !== boot.id) return 0;
  return Math.max(0, written.at + (boot.micros() - written.micros) - at);
}
