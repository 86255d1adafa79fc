/**
 * Samples of a gateway that does not know the time yet: they wait in files of their own, with µs of the boot for their times, and go
 * to the journal when time comes. Invariants:
 *
 * - A file belongs to one boot; every process of the boot goes on with it. It goes when the journal has all of it.
 * - What `flush` has written is as durable as `survives` says. While the disk takes nothing it waits in bounded memory.
 * - Samples leave in chunks. The position of a chunk is written with its samples, in one transaction, into the note of the
 *   journal; then `done`. At the next opening the note says what was done: nothing is lost, nothing doubled.
 * - What makes a time of the µs of a boot is settled once, before the first chunk, and kept in the file: a kill between two
 *   chunks does not shift the second.
 * - What had to go is counted, and declared with the first chunk of its class. So is what was read between the last flush
 *   of a process that did not end in order and the next start.
 */
import {
  type Declaration,
  type Micros,
  maxBatchSamples,
  type Sample,
  type TagClass,
  tagClasses,
} from '@fieldline/shared/contracts';
import { type Clock, createBackoff } from '@fieldline/shared/runtime';
import { errorFields } from '../../error-fields.ts';
import { isDiskTrouble } from '../trouble.ts';
import type { Boot } from './boot.ts';
import { keepBound, keepMemoryBound } from './bounds.ts';
import { type Chunk, chunkOf } from './chunk.ts';
import { PendingSamples } from './pending-samples.ts';
import { placeBoots } from './placement.ts';
import { BootRecord } from './record.ts';
import { KnownTags } from './samples-codec.ts';
import { findSources, positionKey, Source, type SourceOptions } from './source.ts';
import { UnsetTimes } from './unset-times.ts';

export type UndatedOptions = SourceOptions & {
  /** Of samples that wait while the disk takes none. */
  readonly memoryBytes: number;
  readonly boot: Boot;
  readonly clock: Clock;
  /** A new UUID. */
  readonly newId: () => string;
};

export class UndatedLog {
  private readonly options: UndatedOptions;
  private readonly startedAt: number;
  private readonly times: UnsetTimes;
  private readonly pending = new PendingSamples();
  private readonly tags = new KnownTags();
  private readonly pause = createBackoff({ firstMs: 1_000, maxMs: 60_000 });
  private retryAtMs = 0;
  private reason: string | null = null;
  /** Oldest first. */
  private sources: Source[];
  /** Of this boot; undefined until there is something to write. */
  private own: Source | undefined;
  private isContinued = false;
  /** They go as soon as it is durable that they were replaced. */
  private leaving: Source[] = [];
  private offset: Micros | null = null;

  private constructor(options: UndatedOptions, sources: Source[]) {
    this.options = options;
    this.startedAt = options.boot.micros();
    this.times = new UnsetTimes(options.clock, options.boot);
    this.sources = sources;
    this.own = sources.findLast(({ name, isDamaged }) => name.boot === options.boot.id && !isDamaged);
  }

  /** Finds what earlier processes left. @throws FieldlineError journal/foreign; a system error where the folder cannot be read */
  static open(options: UndatedOptions): UndatedLog {
    return new UndatedLog(options, findSources(options));
  }

  /** Samples that passed the filter while the clock was not set, at once: another step of the clock may follow. */
  record(tagClass: TagClass, samples: readonly Sample[], filtered: number): void {
    const at = this.times.observe();
    // Before there is anything to lose: should this process be killed, the next one knows that it ran.
    if (samples.length > 0 && !this.isContinued) this.beginRun();
    this.pending.add(
      tagClass,
      samples.map((sample) => this.times.sinceBoot(sample, at)),
      filtered,
    );
  }

  declare(tagClass: TagClass, declaration: Declaration): void {
    if (declaration.kind !== 'series') throw new Error('batches have their numbers when time has come');
    const at = this.times.observe();
    const { device, tag, samples, reason } = declaration;
    const [first, last] = [declaration.from, declaration.to].map((time) => this.times.timeSinceBoot(time, at));
    this.pending.declare({ tagClass, device, tag, first: first ?? at, last: last ?? at, samples, filtered: 0, reason });
  }

  /** A batch's worth is waiting: do not wait for the time of the flush. */
  get isFull(): boolean {
    return this.pending.largest >= maxBatchSamples;
  }

  /** Writes what is pending and keeps the bounds. */
  flush(): void {
    this.settle(false);
    this.write();
  }

  /** In words for the operator; null when well. */
  trouble(): string | null {
    if (this.reason === null || this.sources.length === 0) return null;
    return `samples that wait for the time cannot be written (${this.reason}): they are in memory and lost if the agent stops; make room, or mend the disk or its rights`;
  }

  /** Samples in the files and in memory that the journal does not have. */
  get samples(): number {
    return this.sources.reduce((sum, { record }) => sum + record.samples, this.pending.samples);
  }

  /** On the disk. */
  sizeBytes(): number {
    return this.sources.reduce((sum, { file }) => sum + file.sizeBytes(), 0);
  }

  /** The clock is set: from now on the journal takes what comes, and `next` gives what waits. */
  timeCame(): void {
    if (this.offset !== null) return;
    const { boot, clock } = this.options;
    this.settle(true);
    const known = this.sources.find(({ name, head }) => name.boot === boot.id && head.offset !== null);
    this.offset = known?.head.offset ?? clock.now() - boot.micros();
    this.place(this.offset);
    for (const source of this.sources) {
      this.trySave(source);
      // There may be many, and they are read one after the other.
      source.file.close();
    }
  }

  /** When the first process began of which something waits; null where nothing does. Known when time has come. */
  get begunAt(): Micros | null {
    const head = this.sources[0]?.head;
    return head === undefined || head.offset === null ? null : head.offset + head.begunAt;
  }

  /** Samples that were stamped before time came, and are given after it. */
  date(samples: readonly Sample[]): readonly Sample[] {
    const { offset } = this;
    return offset === null ? samples : samples.map((sample) => this.times.date(sample, offset));
  }

  /**
   * The oldest of the highest class, until `done` is told of it; null when nothing waits, or time has not come.
   * @throws SqliteError or a system error where the disk gives nothing now
   */
  next(mostSamples: number): Chunk | null {
    if (this.offset === null) return null;
    for (const tagClass of tagClasses.toReversed()) {
      for (const source of this.sources) {
        const chunk = chunkOf(source, source.record.left(tagClass), mostSamples, this.tags);
        if (chunk !== null) return chunk;
      }
    }
    return null;
  }

  /** For the note of the journal: what it has, the chunk that it is about to write included. */
  positions(chunk: Chunk | null = null): Record<string, number> {
    const known = this.sources.flatMap(({ name, record }) =>
      [...record.positions].map(([tagClass, row]): [string, number] => [positionKey(name.id, tagClass), row]),
    );
    const own = chunk === null ? {} : { [positionKey(chunk.id, chunk.tagClass)]: chunk.position };
    return { ...Object.fromEntries(known), ...own };
  }

  /** The journal has the chunk, and its note the position: durable both. */
  done({ id, tagClass, position }: Chunk): void {
    const source = this.sources.find(({ name }) => name.id === id);
    if (source === undefined) return;
    source.record.positions.set(tagClass, position);
    if (!source.record.isDoneWhole) return;
    source.leave();
    this.sources = this.sources.filter((other) => other !== source);
  }

  /** Writes what is pending and marks the end as orderly, if time has not come. */
  close(): void {
    if (this.offset === null) {
      this.settle(true);
      this.retryAtMs = 0;
      if (this.own !== undefined && this.isContinued) this.own.head = { ...this.own.head, isEnded: true };
      this.write();
    }
    for (const { file } of this.sources) file.close();
  }

  private beginRun(): void {
    this.continued();
    this.write();
  }

  /** What is pending gets its numbers. `isLast`: counts as well, where no sample passed the filter. */
  private settle(isLast: boolean): void {
    if (!(isLast ? this.pending.hasCounts : this.pending.hasNews)) return;
    this.pending.moveTo(this.continued().record, this.options.boot.micros());
  }

  /** The file of this boot. With the first that is written, it is known until when nothing was. */
  private continued(): Source {
    this.own ??= this.begin();
    if (this.isContinued) return this.own;
    this.own.record.endOpenLoss(this.startedAt);
    this.own.head = { ...this.own.head, continuedAt: this.startedAt, isEnded: false };
    this.isContinued = true;
    return this.own;
  }

  private begin(): Source {
    const { boot, gateway, newId } = this.options;
    const { startedAt } = this;
    const number = Math.max(0, ...this.sources.map(({ name }) => name.number)) + 1;
    const times = { begunAt: startedAt, continuedAt: startedAt, offset: null, isEstimated: false };
    const head = { gateway, ...times, isEnded: false, replaced: [] };
    const source = new Source(
      { number, boot: boot.id, id: newId() },
      this.options,
      head,
      new BootRecord([], new Map()),
    );
    this.sources.push(source);
    return source;
  }

  private write(): void {
    const { own } = this;
    if (own === undefined || !this.isContinued) return;
    if (this.options.clock.monotonicMs() < this.retryAtMs) {
      keepMemoryBound(own, this.options.memoryBytes);
      return;
    }
    this.leaving.push(...keepBound(own, this.sources, this.options.maxBytes));
    this.sources = this.sources.filter((source) => !this.leaving.includes(source));
    if (!this.trySave(own)) return;
    for (const source of this.leaving) source.leave();
    this.leaving = [];
  }

  private trySave(source: Source): boolean {
    try {
      source.save();
      if (this.reason !== null) this.options.log.info('samples that wait for the time can be written again');
      this.reason = null;
      this.pause.reset();
      return true;
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      const isNews = this.reason === null;
      this.reason = error instanceof Error ? error.message : String(error);
      this.retryAtMs = this.options.clock.monotonicMs() + this.pause.next();
      if (isNews) this.options.log.error(errorFields(error), this.trouble() ?? '');
      keepMemoryBound(source, this.options.memoryBytes);
      return false;
    }
  }

  /** Settles the times of all that waits, and until when each process is known not to have read. */
  private place(offset: Micros): void {
    const { boot } = this.options;
    const boots = this.sources.map(({ name, record, head }) => ({
      boot: name.boot,
      last: record.last,
      offset: head.offset,
    }));
    const offsets = placeBoots(boots, { boot: boot.id, offset });
    let nextStart = offset + this.startedAt;
    for (const [index, source] of [...this.sources.entries()].toReversed()) {
      const own = offsets[index] ?? offset;
      const { name, head, record } = source;
      const settled = this.sources.find((other) => other.name.boot === name.boot && other.head.offset !== null);
      const isEstimated = name.boot !== boot.id && (settled?.head.isEstimated ?? true);
      record.endOpenLoss(nextStart - own);
      source.head = { ...head, offset: own, isEstimated, isEnded: true };
      nextStart = own + head.begunAt;
    }
  }
}
