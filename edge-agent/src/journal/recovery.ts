/** What the openings before this one have left, and lost, as the files of a folder say. Pure. */
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
import { declaredBy } from './declaring.ts';
import { type DamagedFile, type Found, type FoundSegment, filesOf, lastBeforeNext } from './found.ts';
import { lostSince, type Now } from './lost-since.ts';
import type { NewestNote, Note } from './note.ts';
import type { SegmentName } from './segment-name.ts';

export type Recovered = {
  /** Of each class the newest stream that was opened. */
  readonly ends: ReadonlyMap<TagClass, Predecessor>;
  /** Losses that the folder shows: damaged or missing files. */
  readonly declared: readonly Declaration[];
  /** What was read since then and not written is lost: an opening has ended without order. null where nothing is. */
  readonly lostSince: Micros | null;
  /** Streams with damaged files of which nobody knows where they end. */
  readonly unknownEnds: ReadonlySet<string>;
};

/** How many samples the batches of a range had, as its neighbours tell; null where they cannot. */
export type CountLost = (stream: string, range: Range) => number | null;

/** Reads from the segments of a folder what the openings before this one have left. Pure. */
export function recover(found: Found, note: NewestNote, now: Now, countLost: CountLost): Recovered {
  const since = lostSince(found, note, now);
  return {
    ends: endsOf(found),
    declared: [...missing(found, note, countLost), ...tails(found, note, since)],
    lostSince: since,
    unknownEnds: unknownEnds(found, note),
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

export const lostBatches = (stream: string, ranges: Ranges, countLost: CountLost): Declaration[] =>
  ranges.map(([from, to]): Declaration => {
    return { kind: 'batches', stream, from, to, samples: countLost(stream, [from, to]), reason: 'journal-damaged' };
  });

/**
 * A damaged file at the end of its stream: where no later note tells, nobody knows how many batches it held, but its times are
 * known. What came after `since` is declared anyway.
 */
function tails(found: Found, note: Note, since: Micros | null): Declaration[] {
  const { segments, damaged } = found;
  const unknown = unknownEnds(found, note);
  return damaged
    .filter(({ segment }) => segment === null || since === null || segment.lastAt < since)
    .filter(({ name }) => unknown.has(name.stream) && lastBeforeNext(name, filesOf(found)) === null)
    .map((file) => lostTail(file, segments));
}

/**
 * Streams with damaged files of which the note does not say where they end: a note is older than the last batches of its own opening,
 * unless that was closed. A later opening of the class has noted where the one before it ended.
 */
function unknownEnds(found: Found, note: Note): Set<string> {
  const noted = new Map<string, Ranges>(note.held);
  const files = filesOf(found);
  const isKnown = ({ stream, first, number, class: tagClass }: SegmentName): boolean =>
    (noted.get(stream)?.at(-1)?.[1] ?? 0) >= first &&
    (note.closed || files.some((file) => file.class === tagClass && file.stream !== stream && file.number > number));
  const damaged = [...found.damaged, ...found.postponed].map(({ name }) => name);
  return new Set(damaged.filter((name) => !isKnown(name)).map(({ stream }) => stream));
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
