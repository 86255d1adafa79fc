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
import { type Found, filesOf, lastBeforeNext } from './found.ts';
import { lostSince } from './lost-since.ts';
import { lostTails, unknownEnds } from './lost-tail.ts';
import type { NewestNote } from './note.ts';
import type { Now } from './noted-end.ts';
import type { NotedEnd } from './segment-end.ts';

export type Recovered = {
  /** Of each class the newest stream that was opened. */
  readonly ends: ReadonlyMap<TagClass, Predecessor>;
  /** Losses that the folder shows: damaged or missing files. */
  readonly declared: readonly Declaration[];
  /** What was read since then and not written is lost: an opening has ended without order. null where nothing is. */
  readonly lostSince: Micros | null;
  /** Streams with damaged files of which nobody knows where they end. */
  readonly unknownEnds: ReadonlyMap<string, NotedEnd>;
};

/** How many samples the batches of a range had, as its neighbours tell; null where they cannot. */
export type CountLost = (stream: string, range: Range) => number | null;

/** Reads from the segments of a folder what the openings before this one have left. Pure. */
export function recover(found: Found, note: NewestNote, now: Now, countLost: CountLost): Recovered {
  const [since, unknown] = [lostSince(found, note, now), unknownEnds(found, note, now)];
  return {
    ends: endsOf(found),
    declared: [...missing(found, note, countLost), ...lostTails(found, unknown, since)],
    lostSince: since,
    unknownEnds: unknown,
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
