import {
  type Declaration,
  emptyRanges,
  type Micros,
  type Predecessor,
  type Range,
  type Ranges,
  subtractRanges,
  type TagClass,
  tagClasses,
  unionRanges,
} from '@fieldline/shared/contracts';
import type { DamagedFile, DamagedSegment } from './damaged-file.ts';
import { declaredBy } from './declaring.ts';
import type { NewestNote, Note } from './note.ts';
import type { SegmentName } from './segment-name.ts';
import type { Boot } from './undated/boot.ts';

/** What the journal needs to know of a segment that it found. */
export type FoundSegment = {
  readonly name: SegmentName;
  readonly head: { readonly volatile: boolean; readonly openedAt: Micros };
  readonly held: Ranges;
  readonly last: number;
  readonly lastAt: Micros;
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

export type Recovered = {
  /** Of each class the newest stream that was opened. */
  readonly ends: ReadonlyMap<TagClass, Predecessor>;
  /** Losses that the folder shows: damaged or missing files. */
  readonly declared: readonly Declaration[];
  /** What was read since then and not written is lost: an opening has ended without order. null where nothing is. */
  readonly lostSince: Micros | null;
};

/** By the clock on the wall, and in the boot. */
export type Now = { readonly at: Micros; readonly boot: Boot };

/** How many samples the batches of a range had, as its neighbours tell; null where they cannot. */
export type CountLost = (stream: string, range: Range) => number | null;

/** Reads from the segments of a folder what the openings before this one have left. Pure. */
export function recover(found: Found, note: NewestNote, now: Now, countLost: CountLost): Recovered {
  return {
    ends: endsOf(found),
    declared: [...missing(found, note, countLost), ...tails(found, note)],
    lostSince: lostSince(found, note, now),
  };
}

function endsOf(found: Found): Map<TagClass, Predecessor> {
  const ends = new Map<TagClass, Predecessor>();
  for (const tagClass of tagClasses) {
    const end = endOf(found, tagClass);
    if (end !== null) ends.set(tagClass, end);
  }
  return ends;
}

function endOf({ segments, damaged }: Found, tagClass: TagClass): Predecessor | null {
  const newest = segments.findLast(({ name, head }) => name.class === tagClass && !head.volatile);
  const broken = damaged.findLast(({ name, segment }) => name.class === tagClass && segment === null);
  if (broken !== undefined && (newest === undefined || broken.name.number > newest.name.number))
    return { stream: broken.name.stream, lastSeq: broken.name.first - 1 };
  return newest === undefined ? null : { stream: newest.name.stream, lastSeq: newest.last };
}

/**
 * The last flush of a process that did not end in order. One whose clock was not set has said what the one before it lost; its own
 * losses are those of what waits for the time. Where more was lost, nobody knows what was written since the note.
 */
function lostSince(found: Found, note: NewestNote, now: Now): Micros | null {
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

/** The names of all files that are there, or were until their damage was found. */
export const filesOf = ({ segments, damaged, postponed, leftAside }: Files): SegmentName[] => [
  ...new Set([...[...segments, ...damaged, ...postponed].map(({ name }) => name), ...leftAside]),
];

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

/** Numbers that were given, and are in no file: of damaged files, and of such as are gone. Without a note those that were confirmed too. */
function missing(found: Found, note: NewestNote, countLost: CountLost): Declaration[] {
  const { segments, damaged, postponed } = found;
  const [confirmed, noted] = [new Map<string, Ranges>(note.confirmed), new Map<string, Ranges>(note.held)];
  const held = new Map<string, Ranges>();
  for (const { name, held: own } of segments) {
    held.set(name.stream, unionRanges(held.get(name.stream) ?? emptyRanges, own));
  }
  const unread = note.file === 0 ? [...damaged, ...postponed].map(({ name }) => name.stream) : [];
  const streams = new Set([...held.keys(), ...noted.keys(), ...unread]);
  return [...streams].flatMap((stream) => {
    const own = held.get(stream) ?? emptyRanges;
    const begins = [...damaged, ...postponed]
      .filter(({ name }) => name.stream === stream)
      .map(({ name }) => name.first);
    const first = note.file === 0 ? 1 : Math.min(own[0]?.[0] ?? Number.POSITIVE_INFINITY, ...begins);
    const last = Math.max(own.at(-1)?.[1] ?? 0, ...begins.map((begin) => begin - 1));
    const between: Ranges = first > last ? [] : [[first, last]];
    const given = unionRanges(between, noted.get(stream) ?? emptyRanges);
    const known = [own, confirmed.get(stream) ?? emptyRanges, ...waiting(stream, found)];
    const lost = known.reduce(subtractRanges, given);
    return [...lostBatches(stream, lost, countLost), ...declaredBy(note.declaring, stream, lost)];
  });
}

/** What the files of a stream may hold that were not looked into yet. */
const waiting = (stream: string, found: Found): Ranges[] =>
  found.postponed
    .filter(({ name }) => name.stream === stream)
    .map(({ name }) => [[name.first, lastBeforeNext(name, filesOf(found)) ?? Number.MAX_SAFE_INTEGER]]);

/** Where a segment ends, as the next one of its stream says; null where there is none. */
export function lastBeforeNext(name: SegmentName, others: readonly SegmentName[]): number | null {
  const firsts = others.filter(({ stream, first }) => stream === name.stream && first > name.first);
  return firsts.length === 0 ? null : Math.min(...firsts.map(({ first }) => first)) - 1;
}

export const lostBatches = (stream: string, ranges: Ranges, countLost: CountLost): Declaration[] =>
  ranges.map(([from, to]): Declaration => {
    return { kind: 'batches', stream, from, to, samples: countLost(stream, [from, to]), reason: 'journal-damaged' };
  });

/**
 * A damaged file at the end of its stream: where no later note tells, nobody knows how many batches it held, but its times are
 * known. Of the newest opening that is the end without order, declared anyway.
 */
function tails(found: Found, note: Note): Declaration[] {
  const { segments, damaged } = found;
  const noted = new Map<string, Ranges>(note.held);
  return damaged
    .filter(({ name, segment }) => segment === null || name !== segments.at(-1)?.name)
    .filter(({ name }) => lastBeforeNext(name, filesOf(found)) === null)
    .filter(({ name }) => (noted.get(name.stream)?.at(-1)?.[1] ?? 0) < name.first)
    .map((file) => lostTail(file, segments));
}

/** The end of a stream whose last file is damaged. */
export function lostTail(file: Omit<DamagedFile, 'error'>, segments: readonly FoundSegment[]): Declaration {
  const before = segments.findLast(({ name }) => name.class === file.name.class && name.number <= file.name.number);
  const from = before?.lastAt ?? Math.round(file.madeAtMs * 1_000);
  return lostBetween(from, Math.round(file.writtenAtMs * 1_000));
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
