/**
 * What the files of a folder tell of the last sample of each series: of each class the newest file, by what it states and by its batches
 * since. Where that file, or its end, is gone, nothing is told: an older one knows samples that were not the last.
 */
import {
  type DecodedBatch,
  decodeBatch,
  hasNumber,
  type Micros,
  type TagClass,
  tagClasses,
} from '@fieldline/shared/contracts';
import type { Disk } from '../disk.ts';
import type { Folder } from '../folder.ts';
import type { Segment } from '../segment.ts';
import { isDamage } from '../trouble.ts';
import { isBelieved } from '../undated/boot.ts';
import { decodeLasts } from './codec.ts';
import { type Point, type SeriesLast, SeriesLasts, type SubjectOf } from './series-lasts.ts';

/** Batches that are read of a file: a log that is full, twice. More are there only where the file does not state what came before. */
const mostBytes = 2 * 1024 * 1024;
/** A time so far ahead is of a clock that was wrong: what comes next will be before it. */
const aheadMicros = 86_400_000_000;

type Found = Pick<Folder, 'disk' | 'declared'>;
type Remembered = { readonly isRemembered: (device: string) => boolean; readonly subjectOf?: SubjectOf | undefined };

/** `now`: by a clock that may not be set. */
export function lastSamplesIn(found: Found, remembered: Remembered, now: Micros): SeriesLast[] {
  const latest = isBelieved(now) ? now + aheadMicros : Number.POSITIVE_INFINITY;
  return tagClasses.flatMap((tagClass) => {
    const newest = found.disk.segments.findLast(({ name }) => name.class === tagClass);
    if (newest === undefined || isEndGone(newest, found)) return [];
    return lastsOf(found.disk, newest, remembered).map((series) => within(series, latest));
  });
}

/** A newer file of its class cannot be read, or batches behind it are declared as lost: others may have been confirmed. */
function isEndGone({ name, last }: Segment, { disk, declared }: Found): boolean {
  const unread = [...disk.postponed, ...disk.damaged.filter(({ segment }) => segment === null)];
  const streams = new Set([...disk.segments, ...unread].map((each) => each.name.stream));
  return (
    unread.some((each) => each.name.class === name.class && each.name.number > name.number) ||
    declared.some(
      (each) => each.kind === 'batches' && (each.stream === name.stream ? each.to > last : !streams.has(each.stream)),
    )
  );
}

function lastsOf(disk: Disk, segment: Segment, remembered: Remembered): SeriesLast[] {
  const lasts = new SeriesLasts({ ...remembered, most: Number.POSITIVE_INFINITY, leftOut: () => undefined });
  const { class: tagClass, first } = segment.name;
  try {
    const stated = disk.use(segment).lastSamples();
    const next = stated?.next ?? first;
    const from = readFrom(disk, segment, next);
    if (stated !== null && from === next) for (const series of decodeLasts(stated.bytes, tagClass)) lasts.add(series);
    for (let seq = from; seq <= segment.last; seq++) note(lasts, disk, segment, seq);
  } catch (error) {
    // Whoever reads that batch finds out, and declares it.
    if (!isDamage(error)) throw error;
    return [];
  }
  return lasts.all().filter(({ device }) => remembered.isRemembered(device));
}

/** As far back as `next`, unless that is too much. */
function readFrom(disk: Disk, segment: Segment, next: number): number {
  let bytes = 0;
  for (let seq = segment.last; seq >= next; seq--) {
    bytes += disk.use(segment).read(seq)?.bytes.length ?? 0;
    if (bytes > mostBytes) return seq + 1;
  }
  return next;
}

function note(lasts: SeriesLasts, disk: Disk, segment: Segment, seq: number): void {
  if (!hasNumber(segment.held, seq)) return;
  const stored = disk.use(segment).read(seq);
  if (stored === null) return;
  const decoded = decodeBatch(stored.bytes, segment.head.gateway);
  if (!decoded.ok) throw new Error(`batch ${seq}: ${decoded.reason}`);
  noteAll(lasts, decoded.batch, segment.name.class);
}

function noteAll(lasts: SeriesLasts, batch: DecodedBatch, tagClass: TagClass): void {
  const { stream, seq, tags, tagIndex, time, value, quality } = batch;
  const inBatch = { stream, seq };
  for (const [position, index] of tagIndex.entries()) {
    const tag = tags[index];
    if (tag === undefined) continue;
    const at = time[position] ?? 0;
    const over = lasts.note(tag, tagClass, at, quality[position] ?? 0, value[position] ?? null, inBatch);
    if (over !== null) lasts.forget(over);
  }
}

function within({ valued, bad, ...series }: SeriesLast, latest: Micros): SeriesLast {
  const kept = (point: Point | null): Point | null => (point !== null && point.time > latest ? null : point);
  return { ...series, valued: kept(valued), bad: kept(bad) };
}
