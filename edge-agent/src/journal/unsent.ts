/**
 * Which segments hold nothing that was ever sent: their batches have no content in the world yet, and may be thinned. What is not
 * known counts as sent. The note says it beyond the end of the process, and says the contrary before the first of them is sent.
 */
import { type Ranges, subtractRanges, unionRanges } from '@fieldline/shared/contracts';
import type { Disk } from './disk.ts';
import type { Segment } from './segment.ts';

export class Unsent {
  private readonly segments = new Set<Segment>();
  /** Of this opening, being written, and nothing of it was sent until now. */
  private readonly begun = new Set<Segment>();
  private readonly sent = new WeakSet<Segment>();

  has(segment: Segment): boolean {
    return this.segments.has(segment);
  }

  /** What the note says of the segments that were found. */
  found(disk: Disk, noted: readonly (readonly [string, Ranges])[]): void {
    const unsent = new Map(noted);
    for (const segment of disk.segments) {
      const { name, held, isSalvaged } = segment;
      if (!isSalvaged && subtractRanges(held, unsent.get(name.stream) ?? []).length === 0) this.segments.add(segment);
    }
  }

  /** After each flush. */
  look(disk: Disk): void {
    const present = new Set(disk.segments);
    for (const segment of present) if (disk.isWriting(segment) && !this.sent.has(segment)) this.begun.add(segment);
    for (const segment of this.begun) {
      if (disk.isWriting(segment)) continue;
      this.begun.delete(segment);
      if (!segment.isSalvaged && present.has(segment)) this.segments.add(segment);
    }
    for (const segment of this.segments) if (segment.isSalvaged || !present.has(segment)) this.segments.delete(segment);
  }

  /** A batch of it is about to be sent. True where the note must say so before. */
  willSend(segment: Segment): boolean {
    this.sent.add(segment);
    this.begun.delete(segment);
    return this.segments.delete(segment);
  }

  /** For the note. */
  ranges(): [string, Ranges][] {
    const byStream = new Map<string, Ranges>();
    for (const { name, held } of this.segments)
      byStream.set(name.stream, unionRanges(byStream.get(name.stream) ?? [], held));
    return [...byStream];
  }
}
