/** What has become of the batches of a replay so far. */
import type { PlannedBatch } from './plan.ts';
import type { Repaired } from './repair.ts';

/**
 * Left as they are, found out while reading:
 *   unread   the backbone lost the record after the plan was made
 *   differs  the record at the offset is not the batch: the topic was made again
 *   unknown  the log or the ledger lost the batch after the plan was made
 */
export type LeftWhy = 'unread' | 'differs' | 'unknown';

export type Left = {
  readonly why: LeftWhy;
  readonly partition: number;
  readonly batches: number;
  readonly samples: number;
  readonly fromOffset: number;
  readonly toOffset: number;
};

type Place = Pick<PlannedBatch, 'partition' | 'offset' | 'samples'>;

export class Tally {
  batches = 0;
  stored = 0;
  rejected = 0;
  absent = 0;
  /** Batches without a sample of the wanted device. */
  passedOver = 0;
  /** In which rows were taken out or written. */
  minutes = 0;
  private readonly left = new Map<string, Left>();

  repaired(done: Repaired): void {
    this.batches += done.batches;
    this.stored += done.stored;
    this.rejected += done.rejected;
    this.absent += done.absent;
  }

  leave(why: LeftWhy, { partition, offset, samples }: Place): void {
    const key = `${why}:${partition}`;
    const before = this.left.get(key);
    this.left.set(key, {
      why,
      partition,
      batches: (before?.batches ?? 0) + 1,
      samples: (before?.samples ?? 0) + samples,
      fromOffset: Math.min(before?.fromOffset ?? offset, offset),
      toOffset: Math.max(before?.toOffset ?? offset, offset),
    });
  }

  leftBehind(): readonly Left[] {
    return [...this.left.values()].sort((a, b) => a.partition - b.partition || a.why.localeCompare(b.why));
  }
}
