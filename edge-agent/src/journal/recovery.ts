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
import type { Note } from './note.ts';
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

/** What a folder shows. */
export type Found = {
  /** Oldest first; those of which something was salvaged too. */
  readonly segments: readonly FoundSegment[];
  readonly damaged: readonly Omit<DamagedSegment, 'error'>[];
  /** Damaged, and not looked into yet: nothing is said of them. */
  readonly postponed: readonly { readonly name: SegmentName }[];
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
export type Now = { readonly at: Micros; readonly boot: Boot | undefined };

/** How many samples the batches of a range had, as its neighbours tell; null where they cannot. */
export type CountLost = (stream: string, range: Range) => number | null;

/** Reads from the segments of a folder what the openings before this one have left. Pure. */
export function recover(found: Found, note: Note, now: Now, countLost: CountLost): Recovered {
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
 * losses are those of what waits for the time.
 */
function lostSince(found: Found, note: Note, now: Now): Micros | null {
  if (note.unset !== null) return note.unset.lostSince;
  const { segments } = found;
  const newest = segments.at(-1);
  if (newest === undefined || note.closed) return null;
  // Each class has its own, and some have news seldom.
  const last = segments.filter(({ head }) => head.openedAt === newest.head.openedAt).map(({ lastAt }) => lastAt);
  const until = Math.max(...last) - setBackBy(note, now);
  return note.written !== null && isEndGone(found, note) ? Math.min(until, note.written.at) : until;
}

/** The file with the end of a stream was deleted: how far it went after the note was written, nobody knows. */
function isEndGone({ segments, damaged, postponed }: Found, { held, confirmed }: Note): boolean {
  const settled = new Map<string, Ranges>(confirmed);
  const files = [...segments, ...damaged, ...postponed].map(({ name }) => name);
  return held.some(([stream, ranges]) => {
    const end = subtractRanges(ranges, settled.get(stream) ?? emptyRanges).at(-1)?.[1];
    if (end === undefined) return false;
    const own = segments.filter(({ name }) => name.stream === stream).map(({ last }) => last);
    return Math.max(0, ...own) < end && !files.some((name) => name.stream === stream && name.first >= end);
  });
}

/** How far the clock was set back since the note was written: what was read after that, and lost, has earlier times. */
function setBackBy({ written }: Note, { at, boot }: Now): Micros {
  if (written === null || written.boot !== boot?.id) return 0;
  return Math.max(0, written.at + (boot.micros() - written.micros) - at);
}

/** Numbers that were given, and are in no file: of damaged files, and of such as are gone. */
function missing({ segments, damaged, postponed }: Found, note: Note, countLost: CountLost): Declaration[] {
  const [confirmed, noted] = [new Map<string, Ranges>(note.confirmed), new Map<string, Ranges>(note.held)];
  const held = new Map<string, Ranges>();
  for (const { name, held: own } of segments) {
    held.set(name.stream, unionRanges(held.get(name.stream) ?? emptyRanges, own));
  }
  const streams = new Set([...held.keys(), ...noted.keys()]);
  return [...streams].flatMap((stream) => {
    const own = held.get(stream) ?? emptyRanges;
    const begins = damaged.filter(({ name }) => name.stream === stream).map(({ name }) => name.first);
    const between: Ranges = own.length === 0 ? [] : [[Math.min(own[0]?.[0] ?? 1, ...begins), own.at(-1)?.[1] ?? 0]];
    const given = unionRanges(between, noted.get(stream) ?? emptyRanges);
    const known = [own, confirmed.get(stream) ?? emptyRanges, ...waiting(stream, segments, postponed)];
    return lostBatches(stream, known.reduce(subtractRanges, given), countLost);
  });
}

/** What the files of a stream may hold that were not looked into yet. */
const waiting = (stream: string, segments: readonly FoundSegment[], postponed: Found['postponed']): Ranges[] =>
  postponed
    .filter(({ name }) => name.stream === stream)
    .map(({ name }) => [[name.first, lastBeforeNext(name, [...segments, ...postponed]) ?? Number.MAX_SAFE_INTEGER]]);

/** Where a segment ends, as the next one of its stream says; null where there is none. */
export function lastBeforeNext(name: SegmentName, others: readonly { readonly name: SegmentName }[]): number | null {
  const firsts = others
    .map((other) => other.name)
    .filter(({ stream, first }) => stream === name.stream && first > name.first);
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
function tails({ segments, damaged }: Found, note: Note): Declaration[] {
  const noted = new Map<string, Ranges>(note.held);
  return damaged
    .filter(({ name, segment }) => segment === null || name !== segments.at(-1)?.name)
    .filter(({ name }) => lastBeforeNext(name, segments) === null)
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
