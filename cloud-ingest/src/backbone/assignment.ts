/**
 * The partitions that a consumer holds and where it stands in each; common to both backbones. A partition has a new `Held`
 * whenever its position is asked for anew (assignment, rewind): whoever kept the old one across an `await` sees by identity
 * that it is over.
 */
import type { Log } from '@fieldline/shared/runtime';
import type { ConsumeOptions } from './backbone.ts';
import { type Bounds, startAt } from './start-at.ts';

export type Held = {
  readonly partition: number;
  /** The offset to fetch next; null while its position is not known yet. */
  next: number | null;
};

const isUnplaced = (held: Held): boolean => held.next === null;

export type AssignmentOptions = {
  readonly consume: ConsumeOptions;
  readonly bounds: () => Promise<readonly Bounds[]>;
  readonly log: Log;
  /** What was fetched for the partition is void. */
  readonly dropped: (partition: number) => void;
  /** `held.next` is known now: fetch from there. */
  readonly placed: (held: Held) => void;
  /** Something changed that a waiting poll should look at. */
  readonly changed: () => void;
};

export class Assignment {
  private held = new Map<number, Held>();
  private failure: { readonly error: unknown } | null = null;
  private readonly options: AssignmentOptions;

  constructor(options: AssignmentOptions) {
    this.options = options;
  }

  partitions = (): number[] => [...this.held.keys()].sort((a, b) => a - b);
  all = (): Held[] => [...this.held.values()];
  get = (partition: number): Held | undefined => this.held.get(partition);
  isCurrent = (held: Held): boolean => this.held.get(held.partition) === held;

  /** @throws what `positions` rejected with, as long as nothing has mended it */
  check(): void {
    if (this.failure !== null) throw this.failure.error;
  }

  /** Gives up what is gone, takes what is new (to be placed), keeps the rest where it stands. */
  replace(partitions: readonly number[]): void {
    const wanted = new Set(partitions);
    for (const partition of this.partitions()) {
      if (!wanted.has(partition)) this.give(partition);
    }
    for (const partition of partitions) {
      if (!this.held.has(partition)) this.take(partition);
    }
  }

  /** For when others may have had our partitions in the meantime. */
  giveAll(): void {
    for (const partition of this.partitions()) this.give(partition);
  }

  /** Voids all positions, to be placed anew. */
  reset(): void {
    for (const partition of this.partitions()) {
      this.give(partition);
      this.take(partition);
    }
  }

  /**
   * Asks the caller for the positions that are not known yet. A failure is thrown here and by `check`, until a later call
   * succeeds.
   */
  async place(): Promise<void> {
    const { consume, bounds, log, placed, changed } = this.options;
    const asked = this.all().filter(isUnplaced);
    if (asked.length === 0) return;
    try {
      const [wanted, limits] = await Promise.all([
        consume.positions(asked.map(({ partition }) => partition)),
        bounds(),
      ]);
      for (const held of asked.filter((each) => isUnplaced(each) && this.isCurrent(each))) {
        const { partition } = held;
        const limit = limits.find((bound) => bound.partition === partition) ?? { partition, oldest: 0, next: 0 };
        const position = wanted.find((each) => each.partition === partition);
        const start = startAt(position, limit);
        if (start.gap !== null) consume.onGap({ partition, ...start.gap });
        if (start.shorter) {
          log.warn(
            { topic: consume.topic, partition, position: position?.offset, next: limit.next },
            'the log ends before our position: it was made again or lost its end; reading it from its oldest record',
          );
        }
        held.next = start.offset;
        placed(held);
      }
      this.failure = null;
    } catch (error) {
      this.failure = { error };
      throw error;
    } finally {
      changed();
    }
  }

  private give(partition: number): void {
    this.held.delete(partition);
    this.options.dropped(partition);
  }

  private take(partition: number): Held {
    const held: Held = { partition, next: null };
    this.held.set(partition, held);
    return held;
  }
}
