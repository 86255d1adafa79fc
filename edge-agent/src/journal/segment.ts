/**
 * One file of the journal: a SQLite database with consecutive batches of one stream.
 *
 * - Only its newest segment is written; SQLite runs in WAL mode then, `synchronous` NORMAL: what it folds into the file is forced
 *   in order, and so is the beginning of a log, with the folder. Each commit is forced by us where it shall survive a power
 *   cut, with fdatasync: SQLite as we have it knows fsync only, which writes the time of the file, too, through the journal of the
 *   filesystem, and doubles what goes to the medium. Without it a commit survives a crash of the process.
 * - A segment that is full is sealed, at the latest when the next one is full too: its log is folded in and the file is never written
 *   again. One that goes before is never folded, and its log is kept for another (`spare-log.ts`). Rows are never deleted; the
 *   journal deletes whole files, which costs a flash card nothing.
 * - `samples_through` counts the samples of this segment up to and including its row: two look-ups give any range's.
 * - A file without tables is one whose first commit never came: it holds nothing.
 * - Each row has a checksum over all that it says: format 1 had none. What cannot be read or is not what was written makes the
 *   segment a salvaged one, which gives the batches that can be proven (`salvage/salvaged.ts`).
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Declaration, hasNumber, type Micros, type Ranges } from '@fieldline/shared/contracts';
import type Database from 'better-sqlite3';
import type { NewBatch, StoredBatch } from './batches.ts';
import { checkUnopened } from './salvage/hidden-commits.ts';
import { Salvaged } from './salvage/salvaged.ts';
import { closeUnfolded, createDatabase, fold, openFolded, openUnfolded, tryToFold } from './segment-database.ts';
import type { SegmentEnd } from './segment-end.ts';
import { logOf, removeFile, sizeOf } from './segment-files.ts';
import { isLogFull, SegmentLog } from './segment-log.ts';
import { type SegmentName, segmentFile } from './segment-name.ts';
import {
  type Beside,
  beginTables,
  hasTables,
  insertBatches,
  insertBeside,
  type LastSamplesRow,
  prepareWriting,
  Rows,
  readHead,
  readLastSamples,
  readNote,
  type SegmentHead,
  type Writing,
} from './segment-rows.ts';
import type { SpareLog } from './spare-log.ts';

export type Survives = 'power-cut' | 'process-crash';
export type { SegmentHead } from './segment-rows.ts';

type Open = { readonly database: Database.Database; readonly rows: Rows; readonly writing: Writing | undefined };

export class Segment {
  readonly name: SegmentName;
  readonly file: string;
  head: SegmentHead = { gateway: '', openedAt: 0, volatile: false };
  /** The highest `seq`. */
  last: number;
  /** When the last batch was encoded. */
  lastAt: Micros = 0;
  /** As it was found. */
  end: SegmentEnd = { isProven: true, flushedBefore: null };
  samples = 0;
  sealed = false;
  private sealedBytes = 0;
  readonly log: SegmentLog;
  private open: Open | undefined;
  /** It is damaged: what it gives was proven. */
  isSalvaged = false;
  private salvaged: Salvaged | undefined;

  private constructor(folder: string, name: SegmentName) {
    this.name = name;
    this.file = join(folder, segmentFile(name));
    this.last = name.first - 1;
    this.log = new SegmentLog(this.file);
  }

  /** A new segment with its first batches: all in one transaction, or no segment. @throws SqliteError */
  static create(
    folder: string,
    name: SegmentName,
    head: SegmentHead,
    survives: Survives,
    batches: readonly NewBatch[],
    beside: Beside,
    spare: SpareLog,
  ): Segment {
    const segment = new Segment(folder, name);
    segment.log.shallBeForced = survives === 'power-cut';
    const database = createDatabase(segment.file, spare);
    try {
      beginTables(database, name.stream, head);
      segment.open = { database, rows: new Rows(name.stream, database), writing: prepareWriting(database) };
      segment.insert(batches, beside);
      segment.log.force();
    } catch (error) {
      database.close();
      segment.open = undefined;
      segment.remove(spare);
      throw error;
    }
    segment.head = head;
    return segment;
  }

  /**
   * A segment of an earlier opening, sealed where the disk allows it. null where its first commit never came.
   * `lastBeforeNext`: where the next file of its stream says that it ends; null where there is none.
   * @throws what SQLite or the rows say of a damaged file, or of one that cannot be read now
   */
  static load(folder: string, name: SegmentName, lastBeforeNext: number | null): Segment | null {
    const segment = new Segment(folder, name);
    const hasLog = statSync(logOf(segment.file), { throwIfNoEntry: false }) !== undefined;
    const isProven = checkUnopened(segment.file, name);
    const isFolded = tryToFold(segment.file);
    const database = isFolded ? openFolded(segment.file) : openUnfolded(segment.file);
    try {
      if (!hasTables(database)) {
        if (!hasLog && sizeOf(segment.file) > 0) throw new Error('its write-ahead log is gone');
        return null;
      }
      segment.head = readHead(database, name.stream);
      const rows = new Rows(name.stream, database);
      ({ seq: segment.last, samplesThrough: segment.samples, encodedAt: segment.lastAt } = rows.last());
      segment.end = { isProven, flushedBefore: rows.flushedBefore(segment.lastAt) };
      // A broken page may hide the end without a word: only then is each one counted, which reads much of the file.
      if (lastBeforeNext === null || segment.last < lastBeforeNext) rows.checkCount(segment.last - name.first + 1);
    } finally {
      database.close();
    }
    if (isFolded) segment.markSealed();
    return segment;
  }

  /** What can be proven of a damaged file, as a segment; null where that is nothing. Writes nothing. */
  static salvage(folder: string, name: SegmentName): Segment | null {
    const segment = new Segment(folder, name);
    return segment.salvage() ? segment : null;
  }

  /** From now on it gives the batches that can be proven. False where that is none. @throws a system error */
  salvage(): boolean {
    this.close();
    this.sealed = false;
    this.isSalvaged = true;
    this.salvaged = Salvaged.of(this.file, this.name) ?? undefined;
    this.samples = this.salvaged?.samplesOf(this.held) ?? 0;
    if (this.salvaged === undefined) return false;
    this.head = this.salvaged.head;
    this.end = this.salvaged.end;
    if (this.salvaged.last > this.last) [this.last, this.lastAt] = [this.salvaged.last, this.salvaged.lastAt];
    return true;
  }

  /** A batch of a salvaged segment that can no longer be proven. */
  drop(seq: number): void {
    this.salvaged?.drop(seq);
    this.samples = this.samplesOf(this.held);
  }

  /** The batches that it can give. */
  get held(): Ranges {
    return this.isSalvaged ? (this.salvaged?.held ?? []) : [[this.name.first, this.last]];
  }

  /** Not forced yet. @throws SqliteError; whether the batches are in the file is then not known */
  append(batches: readonly NewBatch[], beside: Beside): void {
    this.written().begin.run();
    this.insert(batches, beside);
  }

  private insert(batches: readonly NewBatch[], beside: Beside): void {
    const writing = this.written();
    let { samples } = this;
    try {
      samples = insertBatches(writing.insert, this.name.stream, batches, samples);
      insertBeside(this.opened().database, this.name.stream, beside, batches[0]?.seq ?? this.last + 1);
      writing.commit.run();
      this.log.wasCommitted();
    } catch (error) {
      if (this.opened().database.inTransaction) writing.rollback.run();
      throw error;
    }
    this.samples = samples;
    const newest = batches.at(-1);
    if (newest !== undefined) [this.last, this.lastAt] = [newest.seq, newest.encodedAt];
  }

  /** null where it never was in it. @throws where it cannot be read, or is not what was written */
  read(seq: number): StoredBatch | null {
    if (!hasNumber(this.held, seq)) return null;
    if (this.salvaged !== undefined) return this.salvaged.read(seq);
    const before = this.through(seq - 1);
    const { bytes, samplesThrough } = this.opened().rows.row(seq);
    return { stream: this.name.stream, seq, samples: samplesThrough - before, bytes };
  }

  /** Samples in the batches of the given ranges, all of which lie in this segment. */
  samplesOf(ranges: Ranges): number {
    if (this.isSalvaged) return this.salvaged?.samplesOf(ranges) ?? 0;
    return ranges.reduce((sum, [from, to]) => sum + this.through(to) - this.through(from - 1), 0);
  }

  /** Samples of this segment before one of its batches. */
  samplesBefore(seq: number): number {
    return this.salvaged?.samplesBefore(seq) ?? this.through(seq - 1);
  }

  /** What the batches of the given ranges declare. */
  declaredIn(ranges: Ranges): Declaration[] {
    return this.isSalvaged ? (this.salvaged?.declaredIn(ranges) ?? []) : this.opened().rows.declaredIn(ranges);
  }

  /** null where it cannot be relied on. */
  note(): string | null {
    return this.isSalvaged ? (this.salvaged?.note ?? null) : readNote(this.opened().database);
  }

  /** null where none can be relied on. */
  lastSamples(): LastSamplesRow | null {
    return this.isSalvaged ? null : readLastSamples(this.opened().database, this.name.stream);
  }

  /** On the disk, the write-ahead log included. */
  sizeBytes(): number {
    return this.sealed ? this.sealedBytes : sizeOf(this.file) + sizeOf(logOf(this.file));
  }

  /** What waits in the log to be folded in is as much as it shall be. */
  get isLogFull(): boolean {
    return isLogFull(this.opened().database);
  }

  /** What is in the file need not be in the log: the next commit begins it anew. */
  foldLog(): void {
    this.opened().database.pragma('wal_checkpoint(PASSIVE)');
  }

  seal(): void {
    fold(this.opened().database);
    this.close();
    this.markSealed();
  }

  /** Lets go of the file; a later read opens it again. */
  close(): void {
    this.log.close();
    this.salvaged?.close();
    this.open?.database.close();
    this.open = undefined;
  }

  /** Its log, if it has one, is kept for another segment. */
  remove(spare: SpareLog): void {
    if (this.open !== undefined && !this.sealed) closeUnfolded(this.open.database, this.file);
    this.close();
    for (const suffix of ['', '-shm', '-journal']) removeFile(`${this.file}${suffix}`);
    spare.keep(logOf(this.file));
  }

  /** False where somebody deleted it; what is open then can still be read, until it is closed. */
  get isInPlace(): boolean {
    return statSync(this.file, { throwIfNoEntry: false }) !== undefined;
  }

  /** Another file has taken the place of its own: the same batches with fewer samples. */
  replaced(samples: number): void {
    this.close();
    this.samples = samples;
    this.markSealed();
  }

  private markSealed(): void {
    this.sealed = true;
    this.log.wasFolded();
    this.sealedBytes = sizeOf(this.file);
  }

  private through(seq: number): number {
    if (seq < this.name.first) return 0;
    return seq === this.last ? this.samples : this.opened().rows.through(seq);
  }

  private written(): Writing {
    const { writing } = this.opened();
    if (writing === undefined) throw new Error('a segment of an earlier opening is never written');
    return writing;
  }

  private opened(): Open {
    if (this.open === undefined) {
      const database = this.sealed ? openFolded(this.file) : openUnfolded(this.file);
      try {
        this.open = { database, rows: new Rows(this.name.stream, database), writing: undefined };
      } catch (error) {
        database.close();
        throw error;
      }
    }
    return this.open;
  }
}
