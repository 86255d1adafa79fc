/**
 * The segments of a journal folder, oldest first. Only the newest may be open for writing. Which segments go, and when, is
 * not decided here. A damaged file stays under its name as long as something in it can be proven and is wanted, and is set
 * aside then.
 */
import { readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FieldlineError, hasNumber } from '@fieldline/shared/contracts';
import type { NewBatch, StoredBatch } from './batches.ts';
import type { DamagedFile, DamagedSegment } from './damaged-file.ts';
import type { DiskOptions } from './disk-options.ts';
import { checkGateway } from './foreign.ts';
import { Segment, type SegmentHead } from './segment.ts';
import { orphansOf, sizeOf } from './segment-files.ts';
import { fullLogBytes } from './segment-log.ts';
import { namesAmong, type SegmentName, segmentFile } from './segment-name.ts';
import { SetAside } from './set-aside.ts';
import { type Space, spaceOf } from './space.ts';
import { SpareLog } from './spare-log.ts';
import { isDamage, whereAllowed } from './trouble.ts';

export class Disk {
  readonly segments: Segment[] = [];
  /** Found while loading, and looked into. */
  readonly damaged: DamagedSegment[] = [];
  /** Found while loading, and not looked into yet: newest first. */
  readonly postponed: DamagedFile[] = [];
  /** The last opening wrote nothing, or what it wrote is gone. */
  endsWithNothing = false;
  beforeRemoval: () => void = () => undefined;
  private readonly options: DiskOptions;
  private nextNumber = 1;
  private readonly aside: SetAside;
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
    this.aside = new SetAside(options.folder);
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
    const names = namesAmong(files);
    for (const [index, name] of names.entries()) {
      const next = names.slice(index + 1).find(({ stream }) => stream === name.stream);
      disk.loadSegment(name, next === undefined ? null : next.first - 1);
    }
    disk.salvageAtStart();
    disk.aside.count();
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
    return this.segments.find(({ name, held }) => name.stream === stream && hasNumber(held, seq));
  }

  /** One sealed segment is open at a time: a backlog of hundreds of files needs no hundreds of handles. */
  use(segment: Segment): Segment {
    if (segment !== this.writing && segment !== this.finished && segment !== this.reading) {
      this.reading?.close();
      this.reading = segment;
    }
    return segment;
  }

  /** Newest first, and whether it is that of the newest segment. */
  *notes(): Iterable<{ readonly text: string | null; readonly isNewest: boolean }> {
    for (const segment of this.segments.toReversed()) {
      yield { text: this.noteIn(segment), isNewest: segment === this.segments.at(-1) };
    }
  }

  writeNote(text: string): void {
    this.writing?.append([], text);
  }

  /** One that was salvaged is kept for whoever wants to look into it, as long as there is room. */
  remove(segment: Segment): void {
    if (segment.isInPlace) this.beforeRemoval();
    if (segment.isSalvaged && segment.isInPlace) {
      this.setAside(segment);
      return;
    }
    segment.remove(this.spare);
    this.forget(segment);
  }

  /** Looks into the newest file that waits for it; null where none does. @throws FieldlineError journal/foreign; a system error */
  salvageNext(): DamagedSegment | null {
    const file = this.postponed.shift();
    return file === undefined ? null : this.salvage(file);
  }

  /** It is written no more: what comes goes to a new segment. */
  stopWriting(segment: Segment): void {
    if (this.writing === segment) this.writing = undefined;
    if (this.finished === segment) this.finished = undefined;
  }

  setAside(segment: Segment): void {
    segment.close();
    this.forget(segment);
    this.aside.put(segment.name);
  }

  isWriting(segment: Segment): boolean {
    return segment === this.writing;
  }

  /** On the disk, files set aside included. */
  sizeBytes(): number {
    const postponed = this.postponed.reduce(
      (sum, { name }) => sum + sizeOf(join(this.options.folder, segmentFile(name))),
      0,
    );
    const others = this.aside.sizeBytes + postponed + this.spare.sizeBytes;
    return this.segments.reduce((sum, segment) => sum + segment.sizeBytes(), others);
  }

  /** @throws a system error where the folder cannot be asked */
  space(): Space {
    return spaceOf(this.options.folder);
  }

  /** False if there was none. */
  removeSpareLog(): boolean {
    return this.spare.remove();
  }

  /** Makes room by what is of no use to the agent: false if there was nothing. */
  removeDamagedFile(): boolean {
    return this.aside.removeOldest();
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

  /** `last`: as the next file of its stream says; null where there is none. */
  private loadSegment(name: SegmentName, last: number | null): void {
    this.nextNumber = name.number + 1;
    const file = join(this.options.folder, segmentFile(name));
    try {
      const segment = Segment.load(this.options.folder, name, last);
      this.endsWithNothing = segment === null;
      if (segment === null) whereAllowed(() => unlinkSync(file));
      else this.add(segment);
    } catch (error) {
      if (error instanceof FieldlineError || !isDamage(error)) throw error;
      const { birthtimeMs, mtimeMs } = statSync(file);
      this.postponed.unshift({ name, madeAtMs: birthtimeMs, writtenAtMs: mtimeMs, error });
    }
  }

  /** The newest in any case: how far its stream went is said by the first batch of the next. */
  private salvageAtStart(): void {
    const until = performance.now() + (this.options.startSalvageMs ?? 500);
    const newest = this.postponed[0]?.name.number ?? 0;
    if (newest < (this.segments.at(-1)?.name.number ?? 0) && performance.now() >= until) return;
    do {
      const found = this.salvageNext();
      if (found === null) return;
      this.damaged.unshift(found);
    } while (performance.now() < until);
  }

  private salvage(file: DamagedFile): DamagedSegment {
    const segment = Segment.salvage(this.options.folder, file.name);
    if (segment === null) whereAllowed(() => this.aside.put(file.name));
    else this.add(segment);
    return { ...file, segment };
  }

  private add(segment: Segment): void {
    checkGateway(this.options, segment.head.gateway);
    const newer = this.segments.findIndex(({ name }) => name.number > segment.name.number);
    this.segments.splice(newer === -1 ? this.segments.length : newer, 0, segment);
  }

  /** null where it cannot be relied on. */
  private noteIn(segment: Segment): string | null {
    try {
      return this.use(segment).note();
    } catch (error) {
      if (!isDamage(error)) throw error;
      return null;
    }
  }

  private forget(segment: Segment): void {
    if (this.reading === segment) this.reading = undefined;
    this.stopWriting(segment);
    this.segments.splice(this.segments.indexOf(segment), 1);
  }
}
