import {
  addRange,
  type Declaration,
  emptyRanges,
  type Micros,
  type Predecessor,
  type Ranges,
  subtractRanges,
} from '@fieldline/shared/contracts';
import type { DamagedSegment } from './disk.ts';
import type { Note } from './note.ts';

/** What the journal needs to know of a segment that it found. */
export type FoundSegment = {
  readonly name: { readonly number: number; readonly stream: string; readonly first: number };
  readonly head: { readonly volatile: boolean };
  readonly last: number;
  readonly lastAt: Micros;
};

export type Recovered = {
  /** The opening before this one; null in a new folder. */
  readonly previous: Predecessor | null;
  /** Losses that the folder shows: an end without order, damaged or missing files. */
  readonly declared: readonly Declaration[];
};

/** Reads from the segments of a folder what the openings before this one have left. Pure. */
export function recover(
  found: readonly FoundSegment[],
  damaged: readonly DamagedSegment[],
  note: Note,
  now: Micros,
): Recovered {
  return {
    previous: predecessor(found, damaged),
    declared: [...unordered(found, note, now), ...missing(found, damaged, note), ...unreadable(found, damaged)],
  };
}

function predecessor(found: readonly FoundSegment[], damaged: readonly DamagedSegment[]): Predecessor | null {
  const newest = found.findLast(({ head }) => !head.volatile);
  const broken = damaged.at(-1);
  if (broken !== undefined && (newest === undefined || broken.name.number > newest.name.number))
    return { stream: broken.name.stream, lastSeq: broken.name.first - 1 };
  return newest === undefined ? null : { stream: newest.name.stream, lastSeq: newest.last };
}

/** What was read between the last flush and the end of a process that did not end in order is lost. */
function unordered(found: readonly FoundSegment[], note: Note, now: Micros): Declaration[] {
  const newest = found.at(-1);
  if (newest === undefined || note.closed) return [];
  return [lostSince(newest.lastAt, now, 'restart')];
}

/** Holes between the segments of one stream, and before them where a damaged file tells of it: files that are damaged or gone. */
function missing(found: readonly FoundSegment[], damaged: readonly DamagedSegment[], note: Note): Declaration[] {
  const confirmed = new Map<string, Ranges>(note.confirmed);
  const held = new Map<string, Ranges>();
  for (const { name, last } of found) {
    held.set(name.stream, addRange(held.get(name.stream) ?? emptyRanges, name.first, last));
  }
  return [...held].flatMap(([stream, ranges]) => {
    const begins = damaged.filter(({ name }) => name.stream === stream).map(({ name }) => name.first);
    const [low, high] = [Math.min(ranges[0]?.[0] ?? 1, ...begins), ranges.at(-1)?.[1] ?? 0];
    const holes = subtractRanges(subtractRanges([[low, high]], ranges), confirmed.get(stream) ?? emptyRanges);
    return holes.map(([from, to]): Declaration => {
      return { kind: 'batches', stream, from, to, samples: null, reason: 'journal-damaged' };
    });
  });
}

/** A damaged file at the end of its stream: nobody knows how many batches it held, but its times are known. */
function unreadable(found: readonly FoundSegment[], damaged: readonly DamagedSegment[]): Declaration[] {
  return damaged
    .filter(({ name }) => !found.some((other) => other.name.stream === name.stream && other.name.first > name.first))
    .map(({ name, writtenAtMs }) => {
      const before = found.findLast((other) => other.name.number < name.number);
      const to = Math.round(writtenAtMs * 1_000);
      return lostSince(before?.lastAt ?? to, to, 'journal-damaged');
    });
}

const lostSince = (from: Micros, to: Micros, reason: 'restart' | 'journal-damaged'): Declaration => ({
  kind: 'series',
  device: null,
  tag: null,
  from: Math.min(from, to),
  to: Math.max(from, to),
  samples: null,
  reason,
});
