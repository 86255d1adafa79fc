import { addRange, classRank, emptyRanges, hasNumber, type Ranges } from '@fieldline/shared/contracts';
import type { Extent, NewBatch, StoredBatch } from './batches.ts';

/** Batches that could not be written, oldest first. Bounded by its owner. */
export class Memory {
  private batches: NewBatch[] = [];
  private bytes = 0;

  get sizeBytes(): number {
    return this.bytes;
  }

  get extent(): Extent {
    return { batches: this.batches.length, samples: this.batches.reduce((sum, { samples }) => sum + samples, 0) };
  }

  append(batches: readonly NewBatch[]): void {
    this.batches.push(...batches);
    for (const batch of batches) this.bytes += batch.bytes.length;
  }

  read(stream: string, seq: number): StoredBatch | null {
    return this.batches.find((batch) => batch.seq === seq && batch.stream === stream) ?? null;
  }

  rangesOf(stream: string): Ranges {
    return this.of(stream).reduce((ranges, { seq }) => addRange(ranges, seq), emptyRanges);
  }

  of(stream: string): readonly NewBatch[] {
    return this.batches.filter((batch) => batch.stream === stream);
  }

  streams(): string[] {
    return [...new Set(this.batches.map(({ stream }) => stream))];
  }

  samplesOf(stream: string, ranges: Ranges): number {
    return this.of(stream).reduce((sum, { seq, samples }) => sum + (hasNumber(ranges, seq) ? samples : 0), 0);
  }

  remove(stream: string, ranges: Ranges): void {
    this.batches = this.batches.filter((batch) => batch.stream !== stream || !hasNumber(ranges, batch.seq));
    this.bytes = this.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  }

  /** The oldest of the lowest class, taken out; undefined when empty. */
  shift(): NewBatch | undefined {
    const lowest = Math.min(...this.batches.map((batch) => classRank(batch.class)));
    const position = this.batches.findIndex((batch) => classRank(batch.class) === lowest);
    const [batch] = position === -1 ? [] : this.batches.splice(position, 1);
    this.bytes -= batch?.bytes.length ?? 0;
    return batch;
  }
}
