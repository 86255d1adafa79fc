import type { Mark, NextMarks } from './offsets.ts';

/**
 * Where the database stands, as we last saw it or wrote it there. A record below is stored; a transaction that finds another
 * mark there has been overtaken.
 */
export class Positions {
  private readonly next = new Map<number, Mark | null>();

  /** What was just read from, or committed to, the database. */
  set(marks: NextMarks): void {
    for (const [partition, mark] of marks) this.next.set(partition, mark);
  }

  isStored(partition: number, offset: number): boolean {
    return offset < (this.next.get(partition)?.offset ?? 0);
  }

  partitions = (): number[] => [...this.next.keys()];

  of(partitions: Iterable<number>): NextMarks {
    return new Map([...partitions].map((partition) => [partition, this.next.get(partition) ?? null]));
  }
}
