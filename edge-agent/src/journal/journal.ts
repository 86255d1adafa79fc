/**
 * The journal: samples are in it before they are published. Invariants:
 *
 * - Each opening is a stream for each class of tags: a new UUID, `seq` from 1 without holes, each number given once. Its first
 *   batch is written at once and names the stream of the opening before and that one's last `seq`. So a cloned card, a restored
 *   image or a kill never puts two contents under one number.
 * - A flush is one transaction for each class that has news. What `flush` has given is as durable as `survives` says; nothing is
 *   held, and so nothing is sent, before it is.
 * - A batch leaves the folder only with its whole segment: when all batches of that are confirmed, or when space is short
 *   and the declaration of the loss is durable. The oldest of the lowest class go first.
 * - When the folder cannot be written, batches wait in bounded memory, and what can be read of the folder is sent all the
 *   same: confirmations of it are kept in memory until they can be written. The batch whose writing failed keeps its number and
 *   content, since it may be on the disk all the same, and is marked volatile, since it may not. What follows is a stream of its
 *   own, all volatile, outside the chain of openings. Back on the disk, a new opening begins, and what waited in memory is written to it.
 * - Confirmations are written now and then; those that are forgotten cost a re-send.
 */
import {
  type Declaration,
  defaultClass,
  isFieldlineError,
  type Micros,
  type Ranges,
  type Sample,
  type Tag,
  type TagClass,
} from '@fieldline/shared/contracts';
import { errorFields } from '../error-fields.ts';
import type { Extent, StoredBatch } from './batches.ts';
import type { Folder } from './folder.ts';
import type { HeldStream } from './holdings.ts';
import type { LastKept, Standing } from './last/last-samples.ts';
import { setGauges } from './metrics.ts';
import { Opening } from './opening.ts';
import { inSegments, type JournalOptions } from './options.ts';
import { type JournalParts, journalParts } from './parts.ts';
import type { ToDrop } from './retention.ts';
import { isDiskTrouble } from './trouble.ts';
import type { Chunk } from './undated/chunk.ts';

type Undated = Pick<Chunk, 'samples' | 'filtered' | 'tagClass' | 'declared'>;

export class Journal {
  private readonly options: JournalOptions;
  private readonly parts: JournalParts;
  private readonly opening: Opening;
  private isClosed = false;

  private constructor(options: JournalOptions) {
    this.options = options;
    this.parts = journalParts(options, (error) => this.leaveDisk(error));
    this.opening = new Opening(options, this.parts);
  }

  /** Opens the folder, or goes on in memory and says so. @throws FieldlineError journal/in-use, journal/foreign */
  static open(options: JournalOptions): Journal {
    const journal = new Journal(inSegments(options));
    try {
      journal.opening.begin();
    } catch (error) {
      if (isFieldlineError(error)) throw error;
      journal.leaveDisk(error);
    }
    journal.measure();
    return journal;
  }

  /** Samples of one class that passed the filter, and how many it held back beside them: in the next flush. */
  record(samples: readonly Sample[], filtered: number, tagClass: TagClass = defaultClass): void {
    this.parts.pending.add(samples, filtered, tagClass);
  }

  /** The clock is set, and this process began at that time: what the end of an earlier one has lost is declared now. */
  timeCame(begunAt: Micros): void {
    this.opening.timeCame(begunAt);
  }

  /** Of files that wait for the time: they count among the journal's. */
  set undatedBytes(bytes: number) {
    if (this.folder !== undefined) this.folder.disk.undatedBytes = bytes;
  }

  /** How far it has got with samples that waited for the time, as it was told; null as long as the folder could not be read. */
  get undated(): Readonly<Record<string, number>> | null {
    return this.folder === undefined ? null : this.parts.note.undated;
  }

  /**
   * Samples that waited for the time, and how far the journal has got with those, in one transaction; nothing else is in it. False where
   * the disk takes nothing: then nothing was done.
   */
  recordUndated(
    { samples, filtered, tagClass, declared }: Undated,
    positions: Readonly<Record<string, number>>,
  ): boolean {
    const { pending, note, outage, durability } = this.parts;
    this.write('counts');
    if (this.folder === undefined || outage.reason !== null) return false;
    pending.add(samples, filtered, tagClass);
    pending.declare(declared);
    note.undated = positions;
    note.urgent();
    this.write('counts');
    if (note.isDue) this.whileOnDisk(() => this.folder?.disk.writeNote(note.text()));
    durability.settle();
    return true;
  }

  declare(declaration: Declaration): void {
    this.parts.pending.declare([declaration]);
  }

  /** A batch's worth is waiting: do not wait for the time of the flush. */
  get isFull(): boolean {
    return this.parts.pending.isFull;
  }

  /** Writes what is pending, keeps the bounds. Gives the batches that it made: they are durable. */
  flush(): readonly StoredBatch[] {
    this.run('samples');
    return this.settled();
  }

  /** As `flush`, but the medium is waited for beside the event loop. */
  async flushBeside(): Promise<readonly StoredBatch[]> {
    const begun = performance.now();
    this.run('samples');
    await this.parts.durability.settleBeside();
    this.measure();
    this.parts.metrics.durableSeconds.observe((performance.now() - begun) / 1_000);
    return this.parts.durability.take();
  }

  /** The last flush before the end: it states the counts even where no sample passed the filter since the last batch. */
  finish(): readonly StoredBatch[] {
    this.run('counts');
    return this.settled();
  }

  private settled(): readonly StoredBatch[] {
    this.parts.durability.settle();
    this.measure();
    return this.parts.durability.take();
  }

  private run(wanted: 'samples' | 'counts'): void {
    if (this.parts.outage.isTimeToRetry(this.parts.retention.chance)) this.returnToDisk();
    // Also where nothing is to be written: a quiet plant shall hear of it too.
    this.whileOnDisk(() => this.folder?.disk.checkInPlace());
    this.whileOnDisk(() => this.folder?.disk.setAsideUnproven());
    if (this.folder !== undefined) this.parts.losses.postponed(this.folder.disk);
    this.write(wanted);
    this.keepBounds();
    this.parts.store.forgetEmpty(this.parts.chain.streams());
  }

  streams(): readonly HeldStream[] {
    return this.parts.store.holdings.streams();
  }

  /** Of the database that has confirmed; null if none ever did. */
  get incarnation(): string | null {
    return this.parts.note.incarnation;
  }

  setIncarnation(incarnation: string): void {
    this.parts.note.incarnation = incarnation;
    this.parts.note.changed();
  }

  /** null where it is not held, or cannot be read now. */
  read(stream: string, seq: number): StoredBatch | null {
    try {
      return this.parts.store.read(stream, seq);
    } catch (error) {
      if (this.folder === undefined || !this.parts.losses.unreadable(stream, seq, error, this.folder)) return null;
      return this.read(stream, seq);
    }
  }

  /** A batch is about to be sent. */
  willSend(stream: string, seq: number): void {
    const segment = this.folder?.disk.segmentOf(stream, seq);
    if (segment === undefined || !this.parts.thinning.willSend(segment)) return;
    this.whileOnDisk(() => this.folder?.disk.writeNote(this.parts.note.text()));
  }

  confirm(stream: string, ranges: Ranges): void {
    if (this.parts.store.confirm(stream, ranges)) this.parts.note.changed();
    this.parts.lastSamples.settled(stream, ranges);
  }

  /** Batches that were confirmed and are not stored after all: the database is another one. */
  doubt(stream: string, ranges: Ranges): void {
    this.parts.store.doubt(stream, ranges);
    this.parts.note.changed();
  }

  unconfirmed(): Extent {
    return this.parts.store.unconfirmedExtent();
  }

  /** The last sample of a tag that it has, or had until it was confirmed; null where nothing is known. */
  lastKept(tag: Tag): LastKept | null {
    return this.parts.lastSamples.of(tag);
  }

  /** Of a tag whose texts tell of several things: the last text of each that is not over. */
  standing(tag: Tag): readonly Standing[] {
    return this.parts.lastSamples.standing(tag);
  }

  /** In words for the operator; null when well. */
  trouble(): string | null {
    return this.parts.outage.inWords(this.options, this.parts.store.unconfirmedOnDisk());
  }

  /** Writes what is pending and marks the end as orderly. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.finish();
    this.isClosed = true;
    this.parts.thinning.abort();
    const { sizeBytes } = this.parts.store.memory;
    const left = this.parts.store.unconfirmedOnDisk() ?? { batches: 0, samples: 0 };
    if (left.batches > 0) this.options.log.info(left, 'batches that are not confirmed stay for the next start');
    if (sizeBytes > 0) this.options.log.error({ sizeBytes }, 'batches that waited in memory are lost');
    try {
      if (this.parts.outage.reason === null) this.folder?.disk.writeNote(this.parts.note.text(true));
      this.folder?.disk.close();
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      this.options.log.error(errorFields(error), 'the journal could not be closed in order: the next start checks it');
    } finally {
      this.folder?.release();
    }
  }

  /** undefined until it could be opened for the first time. */
  private get folder(): Folder | undefined {
    return this.opening.folder;
  }

  private write(wanted: 'samples' | 'counts'): void {
    this.parts.intake.write(wanted, () => (this.parts.outage.reason === null ? this.folder?.disk : undefined));
    this.whileOnDisk(() => {
      for (const tagClass of this.parts.lastSamples.toState()) this.folder?.disk.stateLastSamples(tagClass);
    });
  }

  private leaveDisk(error: unknown): void {
    if (!isDiskTrouble(error)) throw error;
    this.parts.outage.failed(error, this.parts.retention.chance());
    this.parts.chain.goVolatile();
    this.parts.thinning.abort();
    const onDisk = this.parts.store.unconfirmedOnDisk();
    this.options.log.error({ code: 'journal/unwritable', ...onDisk }, this.trouble() ?? '');
  }

  private whileOnDisk(work: () => void): void {
    if (this.parts.outage.reason !== null) return;
    try {
      work();
    } catch (error) {
      this.leaveDisk(error);
    }
  }

  private returnToDisk(): void {
    try {
      this.opening.begin();
      this.options.log.info({ folder: this.options.folder }, 'the journal can be written again');
    } catch (error) {
      if (!isDiskTrouble(error) && !isFieldlineError(error)) throw error;
      this.parts.outage.failed(error, this.parts.retention.chance());
    }
  }

  private keepBounds(): void {
    const { clock, memoryBytes } = this.options;
    this.parts.losses.fromMemory(memoryBytes);
    this.whileOnDisk(() => this.parts.retention.removeConfirmed(clock.monotonicMs()));
    this.whileOnDisk(() => this.drop(this.parts.retention.outdated(clock.now(), clock.monotonicMs())));
    this.whileOnDisk(() => this.drop(this.parts.retention.makeRoom()));
    this.whileOnDisk(() => this.folder && this.parts.thinning.step(this.folder.disk));
  }

  /** One declaration for all that must go: else each would need room of its own. It is durable before the files go. */
  private drop({ segments, reason }: ToDrop): void {
    if (segments.length === 0) return;
    for (const segment of segments) this.parts.losses.declare(segment, reason);
    this.write('samples');
    this.parts.durability.settle();
    if (this.parts.outage.reason === null && this.folder !== undefined)
      this.parts.losses.dropped(segments, reason, this.folder.disk);
  }

  private measure(): void {
    setGauges(this.parts.metrics, this.parts.store, this.parts.outage.reason !== null);
  }
}
