/**
 * Where the batches are: in segments on the disk, in memory while the disk takes none. Holds them together with what is
 * known of each stream. What goes, and when, is decided by the journal.
 */
import {
  type Declaration,
  intersectRanges,
  type LossReason,
  type Micros,
  type Range,
  type Ranges,
  subtractRanges,
  unionRanges,
} from '@fieldline/shared/contracts';
import type { Extent, NewBatch, StoredBatch } from './batches.ts';
import type { Disk } from './disk.ts';
import { Holdings } from './holdings.ts';
import { Memory } from './memory.ts';
import { mergeDeclarations } from './merge-declarations.ts';
import { batchIn } from './salvage/proof.ts';
import type { Segment, SegmentHead } from './segment.ts';

export class Store {
  readonly holdings = new Holdings();
  readonly memory = new Memory();
  /** undefined as long as the folder could not be loaded. */
  disk: Disk | undefined;
  private unconfirmed = 0;

  unconfirmedExtent(): Extent {
    return { batches: this.holdings.unconfirmedBatches(), samples: this.unconfirmed };
  }

  /** Not confirmed and on the disk; null as long as the folder could not be loaded. What waits in memory is never confirmed. */
  unconfirmedOnDisk(): Extent | null {
    if (this.disk === undefined) return null;
    const [all, waiting] = [this.unconfirmedExtent(), this.memory.extent];
    return { batches: all.batches - waiting.batches, samples: all.samples - waiting.samples };
  }

  /** When the newest batch on the disk was encoded; 0 where there is none. */
  get lastAt(): Micros {
    return Math.max(0, ...(this.disk?.segments.map(({ lastAt }) => lastAt) ?? []));
  }

  load(disk: Disk, confirmed: readonly (readonly [string, Ranges])[]): void {
    this.disk = disk;
    const inOrder = [...disk.segments, ...disk.postponed].sort((left, right) => left.name.number - right.name.number);
    for (const { name } of inOrder) this.holdings.expect(name);
    for (const segment of disk.segments) this.found(segment);
    for (const [stream, ranges] of confirmed) this.holdings.settle(stream, ranges);
    this.recount();
  }

  /** Of an earlier opening, or salvaged. */
  found({ name, held }: Segment): void {
    for (const [from, to] of held) this.holdings.add(name, from, to);
  }

  /** Streams of which nothing is held, and nothing is to be looked into. */
  forgetEmpty(except: readonly string[]): void {
    const postponed = this.disk?.postponed.map(({ name }) => name.stream) ?? [];
    this.holdings.forgetEmpty([...except, ...postponed]);
  }

  /** What is committed and not held yet is counted when it is. */
  recount(): void {
    this.unconfirmed = (this.disk?.segments ?? [])
      .map((segment) => {
        const { held = [] } = this.holdings.get(segment.name.stream) ?? {};
        return this.samplesIn(segment, intersectRanges(this.unconfirmedIn(segment), held)) ?? 0;
      })
      .reduce((sum, samples) => sum + samples, this.memory.extent.samples);
  }

  /** Batches that a segment turned out not to have: gives those that are neither confirmed nor anywhere else. */
  lose({ name: { stream } }: Segment, ranges: Ranges): Ranges {
    const elsewhere = [this.onDisk(stream), this.memory.rangesOf(stream)];
    const lost = elsewhere.reduce(subtractRanges, ranges);
    this.holdings.remove(stream, lost);
    return subtractRanges(lost, this.holdings.get(stream)?.confirmed ?? []);
  }

  /** Batches that were just put on the disk or into memory. */
  hold(batches: readonly NewBatch[]): void {
    for (const batch of batches) {
      this.holdings.add(batch, batch.seq, batch.seq);
      this.unconfirmed += batch.samples;
    }
  }

  /** null where it is not held or the disk does not give it. @throws what SQLite says of a damaged segment */
  read(stream: string, seq: number): StoredBatch | null {
    return this.memory.read(stream, seq) ?? this.disk?.read(stream, seq) ?? null;
  }

  /** Whether any of it was news. */
  confirm(stream: string, ranges: Ranges): boolean {
    const fresh = this.holdings.confirm(stream, ranges);
    this.unconfirmed -= this.samplesOf(stream, fresh);
    const inMemory = intersectRanges(fresh, this.memory.rangesOf(stream));
    if (inMemory.length > 0) {
      this.memory.remove(stream, inMemory);
      this.holdings.remove(stream, subtractRanges(inMemory, this.onDisk(stream)));
    }
    return fresh.length > 0;
  }

  doubt(stream: string, ranges: Ranges): void {
    this.unconfirmed += this.samplesOf(stream, this.holdings.doubt(stream, ranges));
  }

  unconfirmedIn(segment: Segment): Ranges {
    const confirmed = this.holdings.get(segment.name.stream)?.confirmed ?? [];
    return subtractRanges(segment.held, confirmed);
  }

  /** What must be declared before a segment goes: its unconfirmed batches, and what these declared themselves. */
  lossOf(segment: Segment, reason: LossReason): Declaration[] {
    const unconfirmed = this.unconfirmedIn(segment);
    const { stream } = segment.name;
    return mergeDeclarations([
      ...unconfirmed.map((range) => {
        const newest = readable(() => this.disk?.read(stream, range[1]) ?? null, null);
        return lost(stream, range, this.samplesIn(segment, [range]), reason, newest);
      }),
      ...this.declaredIn(segment, unconfirmed),
    ]);
  }

  /** The segment is no longer there. */
  forget(segment: Segment): void {
    const unconfirmed = this.unconfirmedIn(segment);
    this.unconfirmed -= this.samplesIn(segment, unconfirmed) ?? 0;
    this.holdings.remove(segment.name.stream, segment.held);
  }

  /** Takes a batch out of memory, the oldest of the lowest class; gives what must be declared. */
  dropFromMemory(): Declaration[] {
    const batch = this.memory.shift();
    if (batch === undefined) return [];
    const { stream, seq, samples, declared } = batch;
    this.unconfirmed -= samples;
    this.holdings.remove(stream, [[seq, seq]]);
    return [lost(stream, [seq, seq], samples, 'memory-bound', batch), ...declared];
  }

  /** Writes what waits in memory to the disk. @throws SqliteError; what was written until then is out of memory */
  moveToDisk(
    disk: Disk,
    headOf: (stream: string) => SegmentHead,
    note: string,
    moved: (stream: string, ranges: Ranges) => void,
  ): void {
    for (const stream of this.memory.streams()) {
      const waiting = this.memory.rangesOf(stream);
      for (const range of subtractRanges(waiting, this.onDisk(stream))) {
        const batches = this.memory.of(stream).filter(({ seq }) => seq >= range[0] && seq <= range[1]);
        disk.adopt(batches, headOf(stream), note);
        this.memory.remove(stream, [range]);
        moved(stream, [range]);
      }
      this.memory.remove(stream, waiting);
      moved(stream, waiting);
    }
  }

  private onDisk(stream: string): Ranges {
    const own = this.disk?.segments.filter(({ name }) => name.stream === stream) ?? [];
    return own.reduce<Ranges>((ranges, { held }) => unionRanges(ranges, held), []);
  }

  private samplesOf(stream: string, ranges: Ranges): number {
    if (ranges.length === 0) return 0;
    const inMemory = intersectRanges(ranges, this.memory.rangesOf(stream));
    const rest = subtractRanges(ranges, inMemory);
    return (this.disk?.segments ?? [])
      .filter(({ name }) => name.stream === stream)
      .map((segment) => this.samplesIn(segment, intersectRanges(rest, segment.held)) ?? 0)
      .reduce((sum, samples) => sum + samples, this.memory.samplesOf(stream, inMemory));
  }

  /** null where the segment does not say. */
  private samplesIn(segment: Segment, ranges: Ranges): number | null {
    if (ranges.length === 0) return 0;
    if (subtractRanges(segment.held, ranges).length === 0) return segment.samples;
    return readable(() => this.disk?.use(segment).samplesOf(ranges) ?? null, null);
  }

  private declaredIn(segment: Segment, ranges: Ranges): Declaration[] {
    if (ranges.length === 0) return [];
    return readable(() => this.disk?.use(segment).declaredIn(ranges) ?? [], []);
  }
}

/** `newest`: the last batch of the range, null where it cannot be read. */
function lost(
  stream: string,
  [from, to]: Range,
  samples: number | null,
  reason: LossReason,
  newest: StoredBatch | null,
): Declaration {
  const batch = newest === null ? null : batchIn(newest.bytes);
  const counts = batch === null ? {} : { counts: { read: batch.read, filtered: batch.filtered } };
  return { kind: 'batches', stream, from, to, samples, reason, ...counts };
}

/** A damaged segment is found and set aside when a batch is read from it; until then its counts are unknown. */
function readable<T>(read: () => T, unknown: T): T {
  try {
    return read();
  } catch {
    return unknown;
  }
}
