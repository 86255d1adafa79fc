import type { NextOffsets } from './offsets.ts';

/**
 * The offsets as we last saw or wrote them in the database. A record below them is stored; a transaction that finds others
 * there has been overtaken.
 */
export class Positions {
  private readonly next = new Map<number, number | null>();

  /** What was just read from, or committed to, the database. */
  set(offsets: NextOffsets): void {
    for (const [partition, offset] of offsets) this.next.set(partition, offset);
  }

  isStored(partition: number, offset: number): boolean {
    return offset < (this.next.get(partition) ?? 0);
  }

  of(partitions: Iterable<number>): NextOffsets {
    return new Map([...partitions].map((partition) => [partition, this.next.get(partition) ?? null]));
  }
}
