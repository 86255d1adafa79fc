/**
 * The partitions that a consumer holds and where it stands in each; common to both backbones. A partition has a new `Held`
 * whenever its position is asked for anew (assignment, rewind, a log made again): whoever kept the old one across an `await`
 * sees by identity that it is over.
 */
import type { Log } from '@fieldline/shared/runtime';
import type { BackboneRecord, ConsumeOptions, Gap, Position } from './backbone.ts';
import { proofOf } from './proof.ts';
import { type Bounds, startAt } from './start-at.ts';

export type Held = {
  readonly partition: number;
  /** The offset to give next; null while its position is not known yet. */
  next: number | null;
  /** Of the record before `next`, which has to be seen before anything is given; null when there is none to see. */
  unproven: string | null;
  /** Of the record before `next`, once it was seen: for when the log may have been made again meanwhile. */
  proof: string | null;
};

const isUnplaced = (held: Held): boolean => held.next === null;

/** The offset to fetch next: one earlier than what is to be given, as long as that one is the proof. */
export const fetchFrom = ({ next, unproven }: Held): number | null =>
  next === null || unproven === null ? next : next - 1;

/** The position that a partition stands at, as its caller would give it. */
export const positionOf = ({ partition, next, unproven, proof }: Held): Position => ({
  partition,
  offset: next ?? 0,
  proof: unproven ?? proof,
});

export type AssignmentOptions = {
  readonly consume: ConsumeOptions;
  readonly bounds: () => Promise<readonly Bounds[]>;
  readonly log: Log;
  /** What was fetched for the partition is void, and nothing is wanted until it is placed. */
  readonly dropped: (partition: number) => void;
  /** Where the partition stands is known now: fetch from there. */
  readonly placed: (held: Held) => void;
  /** Something changed that a waiting poll should look at. */
  readonly changed: () => void;
};

export class Assignment {
  private held = new Map<number, Held>();
  /** Those whose caller is being told of a gap, or of a log made again. */
  private readonly telling = new Set<Held>();
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
    const { consume, bounds } = this.options;
    const asked = this.all().filter((held) => isUnplaced(held) && !this.telling.has(held));
    if (asked.length === 0) return;
    await this.unlessFailing(async () => {
      const wanted = await consume.positions(asked.map(({ partition }) => partition));
      // Not before: a position that another processor stored in between would lie behind the end of the log.
      const limits = await bounds();
      for (const held of asked) {
        const { partition } = held;
        const limit = limits.find((bound) => bound.partition === partition) ?? { partition, oldest: 0, next: 0 };
        const position = wanted.find((each) => each.partition === partition);
        await this.start(held, position, limit);
      }
    });
  }

  /**
   * What to give of records that were fetched from where `fetchFrom` said: all but the proof. Null when they show that the
   * log is another one; then `remade` comes next.
   */
  accept(held: Held, records: readonly BackboneRecord[]): readonly BackboneRecord[] | null {
    const { next, unproven } = held;
    const last = records.at(-1);
    if (next === null || last === undefined) return [];
    const [first] = records;
    if (unproven !== null && (first?.offset !== next - 1 || proofOf(first) !== unproven)) return null;
    held.unproven = null;
    held.next = last.offset + 1;
    held.proof = proofOf(last);
    return unproven === null ? records : records.slice(1);
  }

  /** The log is not the one that `held` stands in: its caller is told, then its oldest record is the next. */
  async remade(held: Held): Promise<void> {
    if (!this.isCurrent(held)) return;
    const position = positionOf(held);
    this.give(held.partition);
    const again = this.take(held.partition);
    this.telling.add(again);
    try {
      await this.unlessFailing(async () => {
        const limits = await this.options.bounds();
        const limit = limits.find(({ partition }) => partition === held.partition);
        await this.tell(again, position, limit ?? { partition: held.partition, oldest: 0, next: 0 });
      });
    } finally {
      this.telling.delete(again);
    }
  }

  /** Retention has overtaken a partition that was being read: its caller is told, then its oldest record is the next. */
  async gap(held: Held, { from, to }: Omit<Gap, 'partition'>): Promise<void> {
    held.next = null;
    this.telling.add(held);
    try {
      await this.unlessFailing(async () => {
        await this.options.consume.onGap({ partition: held.partition, from, to });
        this.placeAt(held, to + 1, null);
      });
    } finally {
      this.telling.delete(held);
    }
  }

  /** Looks again at where a partition stands, before it gives more: the log may have been made again meanwhile. */
  doubt(): void {
    for (const held of this.all()) {
      if (held.next === null) continue;
      held.unproven ??= held.proof;
      this.options.placed(held);
    }
  }

  private async start(held: Held, position: Position | undefined, limit: Bounds): Promise<void> {
    if (!isUnplaced(held) || !this.isCurrent(held)) return;
    const { consume } = this.options;
    const start = startAt(position, limit);
    if (start.kind === 'shorter' && position !== undefined) return this.tell(held, position, limit);
    if (start.kind === 'gap') {
      await consume.onGap({ partition: held.partition, from: start.from, to: start.to });
    }
    const { offset, proof } = start.kind === 'there' ? start : { offset: limit.oldest, proof: null };
    this.placeAt(held, offset, proof);
  }

  private async tell(held: Held, position: Position, { partition, oldest, next }: Bounds): Promise<void> {
    const { consume, log } = this.options;
    log.warn(
      { topic: consume.topic, partition, position: position.offset, oldest, next },
      'the log is not the one that we read last: it was made again; reading it from its oldest record',
    );
    await consume.onRemade?.({ partition, position, oldest, next });
    this.placeAt(held, oldest, null);
  }

  private placeAt(held: Held, offset: number, proof: string | null): void {
    if (!this.isCurrent(held) || !isUnplaced(held)) return;
    held.next = offset;
    held.unproven = proof;
    this.options.placed(held);
  }

  private async unlessFailing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failure = null;
    } catch (error) {
      this.failure = { error };
      throw error;
    } finally {
      this.options.changed();
    }
  }

  private give(partition: number): void {
    this.held.delete(partition);
    this.options.dropped(partition);
  }

  private take(partition: number): Held {
    const held: Held = { partition, next: null, unproven: null, proof: null };
    this.held.set(partition, held);
    return held;
  }
}
