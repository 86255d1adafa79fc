/**
 * The segments of a journal folder, oldest first. Only the newest may be open for writing. Which segments go, and when, is
 * not decided here.
 */
import { readdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FieldlineError } from '@fieldline/shared/contracts';
import type { NewBatch, StoredBatch } from './batches.ts';
import { fullLogBytes, Segment, type SegmentHead, type Survives } from './segment.ts';
import { orphansOf } from './segment-files.ts';
import { damagedSuffix, isDamagedFile, parseSegmentFile, type SegmentName, segmentFile } from './segment-name.ts';
import { type Space, spaceOf } from './space.ts';
import { SpareLog } from './spare-log.ts';
import { isDamage, isDiskTrouble } from './trouble.ts';

export type DiskOptions = {
  readonly folder: string;
  readonly gateway: string;
  readonly survives: Survives;
  readonly segmentBytes: number;
  /** From its first batch to its last at most, by the clock on the wall: what is dropped by age goes in whole segments. */
  readonly segmentMs?: number;
};

/** A file that could not be read: what its name says of it, and when it was last written. */
export type DamagedSegment = { readonly name: SegmentName; readonly writtenAtMs: number; readonly error: unknown };

export class Disk {
  readonly segments: Segment[] = [];
  /** Set aside while loading. */
  readonly damaged: DamagedSegment[] = [];
  private readonly options: DiskOptions;
  private nextNumber = 1;
  private damagedBytes = 0;
  private writing: Segment | undefined;
  /**
   * The one before it: its log is folded in when the next is finished. Mostly all of it is confirmed by then and it is gone, so that
   * its batches were written once.
   */
  private finished: Segment | undefined;
  private readonly spare: SpareLog;
  private head: SegmentHead | undefined;
  private reading: Segment | undefined;
  private begunAt = 0;

  private constructor(options: DiskOptions) {
    this.options = options;
    this.spare = new SpareLog(options.folder, Math.min(options.segmentBytes / 4, fullLogBytes * 2));
  }

  /**
   * Loads what the folder holds, also where nothing can be written; files that cannot be understood are set aside.
   * @throws SqliteError or a system error where a file cannot be read now
   */
  static load(options: DiskOptions): Disk {
    const disk = new Disk(options);
    const files = readdirSync(options.folder);
    whereAllowed(() => {
      for (const file of orphansOf(files)) unlinkSync(join(options.folder, file));
    });
    const names = files
      .map(parseSegmentFile)
      .filter((name) => name !== null)
      .sort((left, right) => left.number - right.number);
    for (const name of names) disk.loadSegment(name);
    disk.damagedBytes = disk.damagedFiles().reduce((sum, { bytes }) => sum + bytes, 0);
    return disk;
  }

  /** Begins a stream: its first batches go to a segment of their own. @throws SqliteError; then nothing of it is there */
  begin(batches: readonly NewBatch[], head: SegmentHead, note: string): void {
    const segment = this.create(batches, head, note);
    this.finishWriting();
    this.writing = segment;
    this.head = head;
    this.begunAt = batches[0]?.encodedAt ?? 0;
  }

  /**
   * Durable when it returns. `goesSoon`: whether a segment will be deleted before long.
   * @throws SqliteError; whether the batches are there is then not known until the next start
   */
  append(
    batches: readonly NewBatch[],
    isNoteDue: boolean,
    note: () => string,
    goesSoon: (segment: Segment) => boolean,
  ): void {
    const { writing, head } = this;
    if (head === undefined) throw new Error('no stream was begun');
    if (writing !== undefined && this.isOpenFor(batches, writing, goesSoon))
      writing.append(batches, isNoteDue ? note() : null);
    else this.begin(batches, head, note());
  }

  /** A full log is folded in, unless it is of no use to do so. */
  private isOpenFor([first]: readonly NewBatch[], writing: Segment, goesSoon: (segment: Segment) => boolean): boolean {
    const { segmentBytes, segmentMs = Number.POSITIVE_INFINITY } = this.options;
    const isYoung = ((first?.encodedAt ?? 0) - this.begunAt) / 1_000 < segmentMs;
    if (!isYoung || writing.sizeBytes() >= segmentBytes) return false;
    if (!writing.isLogFull) return true;
    if (goesSoon(writing)) return false;
    writing.foldLog();
    return true;
  }

  /** SQLite goes on writing to a file that was deleted, and says nothing. @throws a system error where that is so */
  checkInPlace(): void {
    if (this.writing !== undefined) statSync(this.writing.file);
  }

  /** Segments that somebody deleted. */
  gone(): readonly Segment[] {
    return this.segments.filter(({ isInPlace }) => !isInPlace);
  }

  /** Writes batches of another stream than the present one, e.g. those that waited in memory. */
  adopt(batches: readonly NewBatch[], head: SegmentHead, note: string): void {
    this.create(batches, head, note).seal();
  }

  read(stream: string, seq: number): StoredBatch | null {
    const segment = this.segmentOf(stream, seq);
    return segment === undefined ? null : this.use(segment).read(seq);
  }

  segmentOf(stream: string, seq: number): Segment | undefined {
    return this.segments.find(({ name, last }) => name.stream === stream && name.first <= seq && seq <= last);
  }

  /** One sealed segment is open at a time: a backlog of hundreds of files needs no hundreds of handles. */
  use(segment: Segment): Segment {
    if (segment !== this.writing && segment !== this.finished && segment !== this.reading) {
      this.reading?.close();
      this.reading = segment;
    }
    return segment;
  }

  /** Of the newest segment that has one. */
  readNote(): string | null {
    const newest = this.segments.at(-1);
    return newest === undefined ? null : this.use(newest).note();
  }

  writeNote(text: string): void {
    this.writing?.append([], text);
  }

  remove(segment: Segment): void {
    segment.remove(this.spare);
    this.forget(segment);
  }

  setAside(segment: Segment): void {
    segment.close();
    this.forget(segment);
    this.damagedBytes += segment.sizeBytes();
    this.rename(segment.name);
  }

  isWriting(segment: Segment): boolean {
    return segment === this.writing;
  }

  /** On the disk, files set aside included. */
  sizeBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.sizeBytes(), this.damagedBytes + this.spare.sizeBytes);
  }

  /** @throws a system error where the folder cannot be asked */
  space(): Space {
    return spaceOf(this.options.folder);
  }

  /** False if there was none. */
  removeSpareLog(): boolean {
    const isThere = this.spare.sizeBytes > 0;
    this.spare.remove();
    return isThere;
  }

  /** Makes room by what is of no use to the agent: false if there was nothing. */
  removeDamagedFile(): boolean {
    const [oldest] = this.damagedFiles();
    if (oldest === undefined) return false;
    unlinkSync(oldest.path);
    this.damagedBytes -= oldest.bytes;
    return true;
  }

  /** @throws SqliteError; the next start folds the log in then */
  close(): void {
    this.reading?.close();
    for (const segment of [this.finished, this.writing]) segment?.seal();
    this.finished = undefined;
    this.writing = undefined;
  }

  private create(batches: readonly NewBatch[], head: SegmentHead, note: string): Segment {
    const first = batches[0];
    if (first === undefined) throw new Error('a segment begins with a batch');
    const name = { number: this.nextNumber, stream: first.stream, first: first.seq };
    const segment = Segment.create(this.options.folder, name, head, this.options.survives, batches, note, this.spare);
    this.nextNumber += 1;
    this.segments.push(segment);
    return segment;
  }

  /** The former segment is complete, and the one before it is sealed; should that fail, the next start seals it. */
  private finishWriting(): void {
    const { finished, writing } = this;
    this.finished = writing;
    this.writing = undefined;
    if (finished === undefined) return;
    try {
      finished.seal();
    } catch {
      finished.close();
    }
  }

  private loadSegment(name: SegmentName): void {
    this.nextNumber = name.number + 1;
    try {
      const segment = Segment.load(this.options.folder, name);
      if (segment === null) {
        whereAllowed(() => unlinkSync(join(this.options.folder, segmentFile(name))));
        return;
      }
      const { gateway } = segment.head;
      if (gateway !== this.options.gateway) throw foreign(this.options.folder, gateway, this.options.gateway);
      this.segments.push(segment);
    } catch (error) {
      if (error instanceof FieldlineError || !isDamage(error)) throw error;
      const writtenAtMs = statSync(join(this.options.folder, segmentFile(name))).mtimeMs;
      whereAllowed(() => this.rename(name));
      this.damaged.push({ name, writtenAtMs, error });
    }
  }

  private rename(name: SegmentName): void {
    const file = join(this.options.folder, segmentFile(name));
    renameSync(file, `${file}${damagedSuffix}`);
    for (const suffix of ['-wal', '-shm', '-journal']) {
      if (statSync(`${file}${suffix}`, { throwIfNoEntry: false }) !== undefined)
        renameSync(`${file}${suffix}`, `${file}${suffix}${damagedSuffix}`);
    }
  }

  private damagedFiles(): { path: string; bytes: number }[] {
    return readdirSync(this.options.folder)
      .filter(isDamagedFile)
      .sort()
      .map((file) => join(this.options.folder, file))
      .map((path) => ({ path, bytes: statSync(path).size }));
  }

  private forget(segment: Segment): void {
    if (this.reading === segment) this.reading = undefined;
    if (this.finished === segment) this.finished = undefined;
    if (this.writing === segment) this.writing = undefined;
    this.segments.splice(this.segments.indexOf(segment), 1);
  }
}

/** What a disk that takes nothing leaves in its place is met again at the next start. */
function whereAllowed(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!isDiskTrouble(error)) throw error;
  }
}

const foreign = (folder: string, theirs: string, ours: string): FieldlineError =>
  new FieldlineError(
    'journal/foreign',
    `the journal folder ${folder} holds batches of gateway ${theirs}, not ${ours}: set journal.folder to another one, ` +
      `or set gateway back to ${theirs} until they are sent`,
  );
