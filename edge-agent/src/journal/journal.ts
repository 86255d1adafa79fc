/**
 * The journal: samples are in it before they are published. Invariants:
 *
 * - Each opening is a stream: a new UUID, `seq` from 1 without holes, each number given once. Its first batch is written at
 *   once and names the opening before and that one's last `seq`. So a cloned card, a restored image or a kill never puts
 *   two contents under one number.
 * - A flush is one transaction. What `flush` has returned is as durable as `survives` says.
 * - A batch leaves the folder only with its whole segment: when all batches of that are confirmed, or when space is short
 *   and the declaration of the loss is durable.
 * - When the folder cannot be written, batches wait in bounded memory. The batch whose writing failed keeps its number and
 *   bytes: it may be on the disk all the same. What follows is a stream of its own, marked volatile, outside the chain of
 *   openings. Back on the disk, a new opening begins, and what waited in memory is written to it.
 * - Confirmations are written now and then; those that are forgotten cost a re-send.
 */
import {
  type Declaration,
  isFieldlineError,
  maxBatchSamples,
  type Predecessor,
  type Ranges,
  type Sample,
} from '@fieldline/shared/contracts';
import { type Clock, createBackoff, type Log, type Metrics } from '@fieldline/shared/runtime';
import type { NewBatch, StoredBatch } from './batches.ts';
import { Disk, type DiskOptions } from './disk.ts';
import type { HeldStream } from './holdings.ts';
import { lockFolder } from './lock.ts';
import { mergeDeclarations } from './merge-declarations.ts';
import { journalMetrics } from './metrics.ts';
import { emptyNote, noteText, parseNote } from './note.ts';
import { recover } from './recovery.ts';
import { Retention } from './retention.ts';
import type { Segment, SegmentHead } from './segment.ts';
import { Store } from './store.ts';
import { type Encoding, StreamWriter } from './stream-writer.ts';
import { isDamage } from './trouble.ts';

export type JournalOptions = DiskOptions &
  Encoding & {
    readonly maxBytes: number;
    readonly keepConfirmedForMs: number;
    /** Of batches that wait in memory while the disk takes none. */
    readonly memoryBytes: number;
    readonly newStream: () => string;
    readonly clock: Clock;
    readonly log: Log;
    readonly metrics: Metrics;
  };

/** How far the note of confirmations may be behind. */
const noteEveryMs = 5_000;
/** A folder is worth at least this many segments: one is dropped at a time. */
const fewestSegments = 4;

export class Journal {
  private readonly options: JournalOptions;
  private readonly metrics: ReturnType<typeof journalMetrics>;
  private readonly store = new Store();
  private readonly retention: Retention;
  private readonly retryPause = createBackoff({ firstMs: 5_000, maxMs: 60_000 });
  private readonly startedAt: number;
  private lock: { release: () => void } | undefined;
  private writer: StreamWriter;
  private openedAt: number;
  /** The newest stream in the chain of openings. */
  private chainEnd: Predecessor | null = null;
  /** Why the disk takes no batches; null while it does. */
  private diskTrouble: string | null = null;
  private retryAtMs = 0;
  private pending: Sample[] = [];
  private pendingFiltered = 0;
  private pendingDeclared: Declaration[] = [];
  private lastIncarnation: string | null = null;
  private noteIsBehind = false;
  private notedAtMs = 0;

  private constructor(options: JournalOptions) {
    this.options = options;
    this.metrics = journalMetrics(options.metrics);
    this.retention = new Retention(this.store, options);
    this.startedAt = options.clock.now();
    this.openedAt = this.startedAt;
    this.writer = this.newWriter(null, true);
  }

  /** Opens the folder, or goes on in memory and says so. @throws FieldlineError journal/in-use, journal/foreign */
  static open(options: JournalOptions): Journal {
    const segmentBytes = Math.min(options.segmentBytes, options.maxBytes / fewestSegments);
    const journal = new Journal({ ...options, segmentBytes });
    try {
      journal.beginOnDisk();
    } catch (error) {
      if (isFieldlineError(error)) {
        journal.lock?.release();
        throw error;
      }
      journal.leaveDisk(error);
    }
    journal.measure();
    return journal;
  }

  /** Samples that passed the filter, and how many it held back beside them: in the next flush. */
  record(samples: readonly Sample[], filtered: number): void {
    for (const sample of samples) this.pending.push(sample);
    this.pendingFiltered += filtered;
  }

  declare(declaration: Declaration): void {
    this.pendingDeclared.push(declaration);
  }

  /** A batch's worth is waiting: do not wait for the time of the flush. */
  get isFull(): boolean {
    return this.pending.length >= maxBatchSamples;
  }

  /** Writes what is pending, keeps the bounds. Gives the batches that it made: they are durable. */
  flush(): readonly StoredBatch[] {
    return this.run(this.pending.length > 0 || this.pendingDeclared.length > 0);
  }

  /** The last flush before the end: it states the counts even where no sample passed the filter since the last batch. */
  finish(): readonly StoredBatch[] {
    return this.run(this.pending.length > 0 || this.pendingDeclared.length > 0 || this.pendingFiltered > 0);
  }

  private run(hasNews: boolean): readonly StoredBatch[] {
    if (this.diskTrouble !== null && this.options.clock.monotonicMs() >= this.retryAtMs) this.returnToDisk();
    const batches: StoredBatch[] = [];
    if (hasNews) batches.push(...this.write());
    batches.push(...this.keepBounds());
    this.measure();
    return batches;
  }

  streams(): readonly HeldStream[] {
    return this.store.holdings.streams();
  }

  /** Of the database that has confirmed; null if none ever did. */
  get incarnation(): string | null {
    return this.lastIncarnation;
  }

  setIncarnation(incarnation: string): void {
    this.lastIncarnation = incarnation;
    this.noteIsBehind = true;
  }

  /** null where it is not held, or cannot be read now. */
  read(stream: string, seq: number): StoredBatch | null {
    try {
      return this.store.read(stream, seq);
    } catch (error) {
      const segment = this.store.disk?.segmentOf(stream, seq);
      if (segment !== undefined && isDamage(error)) this.setAside(segment, error);
      return null;
    }
  }

  confirm(stream: string, ranges: Ranges): void {
    if (this.store.confirm(stream, ranges)) this.noteIsBehind = true;
  }

  /** Batches that were confirmed and are not stored after all: the database is another one. */
  doubt(stream: string, ranges: Ranges): void {
    this.store.doubt(stream, ranges);
    this.noteIsBehind = true;
  }

  unconfirmed(): { readonly batches: number; readonly samples: number } {
    return { batches: this.store.holdings.unconfirmedBatches(), samples: this.store.unconfirmedSamples };
  }

  /** In words for the operator; null when well. */
  trouble(): string | null {
    if (this.diskTrouble === null) return null;
    const { folder } = this.options;
    return `the journal folder ${folder} cannot be written (${this.diskTrouble}): batches wait in memory and are lost if the agent stops; make room, or mend the disk or its rights`;
  }

  /** Writes what is pending and marks the end as orderly. Idempotent. */
  close(): void {
    if (this.lock === undefined) return;
    this.finish();
    try {
      if (this.diskTrouble === null) this.store.disk?.writeNote(this.noteText(true));
      this.store.disk?.close();
    } finally {
      this.lock.release();
      this.lock = undefined;
    }
  }

  private newWriter(previous: Predecessor | null, volatile: boolean): StreamWriter {
    const { gateway, newStream } = this.options;
    this.openedAt = this.options.clock.now();
    return new StreamWriter({ gateway, stream: newStream(), previous, volatile }, this.options);
  }

  /** @throws FieldlineError journal/in-use, journal/foreign; SqliteError or a system error where the disk takes nothing */
  private beginOnDisk(): void {
    const disk = this.store.disk ?? this.loadDisk();
    this.store.moveToDisk(disk, (stream) => this.headOf(stream), this.noteText());
    const writer = this.newWriter(this.chainEnd, false);
    const declared = mergeDeclarations(this.pendingDeclared);
    const batches = writer.encode([], declared, 0, this.options.clock.now());
    disk.begin(batches, { gateway: this.options.gateway, openedAt: this.openedAt, volatile: false }, this.noteText());
    this.pendingDeclared = [];
    this.store.hold(batches);
    this.writer = writer;
    this.chainEnd = { stream: writer.head.stream, lastSeq: writer.lastSeq };
    this.diskTrouble = null;
  }

  private loadDisk(): Disk {
    const disk = this.lockAndLoad();
    const note = parseNote(disk.readNote());
    const { previous, declared } = recover(disk.segments, disk.damaged, note, this.startedAt);
    for (const { name, error } of disk.damaged) {
      this.options.log.error({ err: error, ...name }, 'a file of the journal is damaged: set aside and declared');
    }
    this.lastIncarnation = note.incarnation;
    this.chainEnd = previous;
    this.pendingDeclared.push(...declared);
    this.store.load(disk, note.confirmed);
    return disk;
  }

  private lockAndLoad(): Disk {
    Disk.makeFolder(this.options.folder);
    this.lock ??= lockFolder(this.options.folder);
    return Disk.load(this.options);
  }

  private headOf(stream: string): SegmentHead {
    return { gateway: this.options.gateway, openedAt: this.openedAt, volatile: stream !== this.chainEnd?.stream };
  }

  private write(): readonly NewBatch[] {
    const begun = performance.now();
    const declared = mergeDeclarations(this.pendingDeclared);
    const batches = this.writer.encode(this.pending, declared, this.pendingFiltered, this.options.clock.now());
    this.pending = [];
    this.pendingFiltered = 0;
    this.pendingDeclared = [];
    if (!this.writer.head.volatile) this.chainEnd = { stream: this.writer.head.stream, lastSeq: this.writer.lastSeq };
    this.put(batches);
    this.store.hold(batches);
    this.metrics.flushSeconds.observe((performance.now() - begun) / 1_000);
    return batches;
  }

  private put(batches: readonly NewBatch[]): void {
    const { disk, memory } = this.store;
    if (this.diskTrouble !== null || disk === undefined) {
      memory.append(batches);
      return;
    }
    const nowMs = this.options.clock.monotonicMs();
    const isDue = this.noteIsBehind && nowMs - this.notedAtMs >= noteEveryMs;
    try {
      disk.append(batches, { text: this.noteText(), isDue });
    } catch (error) {
      memory.append(batches);
      this.leaveDisk(error);
      return;
    }
    if (!isDue) return;
    this.noteIsBehind = false;
    this.notedAtMs = nowMs;
  }

  private noteText(closed = false): string {
    const confirmed = this.streams().map(({ stream, confirmed }): [string, Ranges] => [stream, confirmed]);
    return noteText({ ...emptyNote, closed, incarnation: this.lastIncarnation, confirmed });
  }

  private leaveDisk(error: unknown): void {
    this.diskTrouble = error instanceof Error ? error.message : String(error);
    this.retryAtMs = this.options.clock.monotonicMs() + this.retryPause.next();
    if (!this.writer.head.volatile) this.writer = this.newWriter(null, true);
    this.options.log.error({ err: error }, this.trouble() ?? '');
  }

  private returnToDisk(): void {
    try {
      this.beginOnDisk();
      this.retryPause.reset();
      this.options.log.info({ folder: this.options.folder }, 'the journal can be written again');
    } catch (error) {
      this.diskTrouble = error instanceof Error ? error.message : String(error);
      this.retryAtMs = this.options.clock.monotonicMs() + this.retryPause.next();
    }
  }

  private keepBounds(): readonly StoredBatch[] {
    const batches: StoredBatch[] = [];
    while (this.store.memory.sizeBytes > this.options.memoryBytes) this.declareLost(this.store.dropFromMemory());
    try {
      if (this.diskTrouble === null) this.retention.removeConfirmed(this.options.clock.monotonicMs());
      while (this.diskTrouble === null) {
        const segment = this.retention.makeRoom();
        if (segment === null) break;
        this.options.log.warn(
          { ...segment.name, last: segment.last },
          'the journal is full: its oldest file is dropped',
        );
        batches.push(...this.lose(segment, 'disk-bound'));
      }
    } catch (error) {
      this.leaveDisk(error);
    }
    this.store.holdings.forgetEmpty([this.writer.head.stream, this.chainEnd?.stream ?? '']);
    return batches;
  }

  /** The declaration is durable before the file goes; gives the batches that hold it. */
  private lose(segment: Segment, reason: 'disk-bound' | 'journal-damaged'): readonly NewBatch[] {
    const declared = this.store.lossOf(segment, reason);
    this.declareLost(declared);
    const batches = declared.length > 0 ? this.write() : [];
    if (this.diskTrouble !== null && reason === 'disk-bound') return batches;
    this.store.forget(segment);
    if (reason === 'disk-bound') this.store.disk?.remove(segment);
    else this.store.disk?.setAside(segment);
    return batches;
  }

  private setAside(segment: Segment, error: unknown): void {
    this.options.log.error({ err: error, ...segment.name }, 'a file of the journal is damaged: set aside and declared');
    try {
      this.lose(segment, 'journal-damaged');
    } catch (failure) {
      this.leaveDisk(failure);
    }
  }

  private declareLost(declared: readonly Declaration[]): void {
    for (const { kind, reason, from, to } of declared) {
      if (kind === 'batches') this.metrics.lostBatches.inc({ reason }, to - from + 1);
    }
    this.pendingDeclared = mergeDeclarations([...this.pendingDeclared, ...declared]);
  }

  private measure(): void {
    const { batches, samples } = this.unconfirmed();
    this.metrics.unconfirmedBatches.set(batches);
    this.metrics.unconfirmedSamples.set(samples);
    this.metrics.sizeBytes.set(this.store.disk?.sizeBytes() ?? 0);
    this.metrics.memoryBytes.set(this.store.memory.sizeBytes);
    this.metrics.volatile.set(this.diskTrouble === null ? 0 : 1);
  }
}
