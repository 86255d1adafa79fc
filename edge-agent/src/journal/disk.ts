/**
 * The segments of a journal folder, oldest first. Only the newest of a class may be open for writing. Which segments go, and when, is
 * not decided here. A damaged file stays under its name as long as something in it can be proven and is wanted, and is set
 * aside then.
 */
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { defaultClass, FieldlineError, hasNumber, type TagClass } from '@fieldline/shared/contracts';
import type { NewBatch, StoredBatch } from './batches.ts';
import type { DiskOptions } from './disk-options.ts';
import { checkGateway } from './foreign.ts';
import type { DamagedFile, DamagedSegment } from './found.ts';
import { type Appending, Lane } from './lane.ts';
import { isLogMissing } from './salvage/log-end.ts';
import { Segment, type SegmentHead } from './segment.ts';
import { filesIn, orphansOf, sizeOf, timesOf } from './segment-files.ts';
import { fullLogBytes, type SegmentLog } from './segment-log.ts';
import { namesAmong, type SegmentName, segmentFile, setAsideNames } from './segment-name.ts';
import { SetAside } from './set-aside.ts';
import { type Space, spaceOf } from './space.ts';
import { SpareLog } from './spare-log.ts';
import { isDamage, whereAllowed } from './trouble.ts';

export class Disk {
  readonly segments: Segment[] = [];
  /** Set aside by earlier openings. */
  readonly leftAside: readonly SegmentName[];
  /** Found while loading, and looked into since: oldest first. */
  readonly damaged: DamagedSegment[] = [];
  /** Found while loading, and not looked into yet: newest first. */
  readonly postponed: DamagedFile[] = [];
  /** The last opening wrote nothing, or what it wrote is gone. */
  endsWithNothing = false;
  beforeRemoval: () => void = () => undefined;
  /** What a file of a class states of the last samples; null where it states none. */
  lastSamplesOf: (tagClass: TagClass) => Buffer | null = () => null;
  /** Of a file that is to take the place of another. */
  extraBytes = 0;
  /** Of samples that wait for the time. */
  undatedBytes = 0;
  private readonly options: DiskOptions;
  private nextNumber = 1;
  private readonly aside: SetAside;
  private readonly unproven: SegmentName[] = [];
  private readonly lanes = new Map<TagClass, Lane>();
  private readonly spare: SpareLog;
  private reading: Segment | undefined;

  private constructor(options: DiskOptions, files: readonly string[]) {
    this.options = options;
    this.leftAside = setAsideNames(files);
    this.aside = new SetAside(options.folder);
    this.spare = new SpareLog(options.folder, Math.min(options.segmentBytes / 4, fullLogBytes * 2));
  }

  /**
   * Loads what the folder holds, also where nothing can be written; files that cannot be understood are set aside.
   * @throws SqliteError or a system error where a file cannot be read now
   */
  static load(options: DiskOptions): Disk {
    const files = filesIn(options.folder);
    const disk = new Disk(options, files);
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

  /** Begins a stream, all of one class: its first batches go to a segment of their own. @throws SqliteError; then nothing of it is there */
  begin(batches: readonly NewBatch[], head: SegmentHead, note: string): void {
    this.laneOf(batches).begin(batches, head, note);
  }

  /**
   * Batches of one stream, not forced yet.
   * @throws SqliteError; whether the batches are there is then not known until the next start
   */
  append(batches: readonly NewBatch[], appending: Appending): void {
    this.laneOf(batches).append(batches, appending);
  }

  /** What was committed is as durable as it shall be when it returns. @throws a system error */
  force(): void {
    for (const log of this.unforced()) log.force();
  }

  /** As `force`, beside the event loop. */
  async forceBeside(): Promise<void> {
    await Promise.all(this.unforced().map((log) => log.forceBeside()));
  }

  private unforced(): readonly SegmentLog[] {
    return this.segments.map(({ log }) => log).filter(({ isUnforced }) => isUnforced);
  }

  /** SQLite goes on writing to a file that was deleted, and says nothing. @throws a system error where that is so */
  checkInPlace(): void {
    for (const lane of this.lanes.values()) lane.checkInPlace();
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
    if (segment !== this.reading && !this.isOpen(segment)) {
      this.reading?.close();
      this.reading = segment;
    }
    return segment;
  }

  writeNote(text: string): void {
    const lanes = [this.lanes.get(defaultClass), ...this.lanes.values()];
    const writing = lanes.find((lane) => lane?.writing !== undefined)?.writing;
    writing?.append([], { note: text, lastSamples: null });
    writing?.log.force();
  }

  /** Where the newest file of a class states what is no longer true. Not forced yet. @throws SqliteError */
  stateLastSamples(tagClass: TagClass): void {
    this.lanes.get(tagClass)?.stateLastSamples();
  }

  /** One that was salvaged is kept for whoever wants to look into it, as long as there is room. */
  remove(segment: Segment): void {
    if (segment.isInPlace) this.beforeRemoval();
    this.removeUnnoted(segment);
  }

  removeUnnoted(segment: Segment): void {
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
    if (file === undefined) return null;
    const found = this.salvage(file);
    this.damaged.unshift(found);
    return found;
  }

  /** It is written no more: what comes goes to a new segment. */
  stopWriting(segment: Segment): void {
    for (const lane of this.lanes.values()) lane.stopWriting(segment);
  }

  setAside(segment: Segment): void {
    segment.close();
    this.forget(segment);
    this.aside.put(segment.name);
  }

  /** Files of which nothing could be proven, when what they held is declared: until then each start shall find them. */
  setAsideUnproven(): void {
    for (const name of this.unproven.splice(0)) whereAllowed(() => this.aside.put(name));
  }

  isWriting(segment: Segment): boolean {
    return [...this.lanes.values()].some(({ writing }) => segment === writing);
  }

  /** On the disk, files set aside included. */
  sizeBytes(): number {
    const postponed = this.postponed.reduce(
      (sum, { name }) => sum + sizeOf(join(this.options.folder, segmentFile(name))),
      0,
    );
    const others = this.aside.sizeBytes + postponed + this.spare.sizeBytes + this.extraBytes + this.undatedBytes;
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
    for (const lane of this.lanes.values()) lane.close();
  }

  private isOpen(segment: Segment): boolean {
    return [...this.lanes.values()].some((lane) => lane.isOpen(segment));
  }

  private laneOf([first]: readonly NewBatch[]): Lane {
    if (first === undefined) throw new Error('a commit has a batch at least');
    let lane = this.lanes.get(first.class);
    if (lane === undefined) {
      const { class: tagClass } = first;
      lane = new Lane(
        this.options,
        (batches, head, note) => this.create(batches, head, note),
        () => this.lastSamplesOf(tagClass),
      );
      this.lanes.set(tagClass, lane);
    }
    return lane;
  }

  private create(batches: readonly NewBatch[], head: SegmentHead, note: string): Segment {
    const first = batches[0];
    if (first === undefined) throw new Error('a segment begins with a batch');
    const name = { number: this.nextNumber, stream: first.stream, first: first.seq, class: first.class };
    const beside = { note, lastSamples: this.lastSamplesOf(first.class) };
    const segment = Segment.create(this.options.folder, name, head, this.options.survives, batches, beside, this.spare);
    this.nextNumber += 1;
    this.segments.push(segment);
    return segment;
  }

  /** `last`: as the next file of its stream says; null where there is none. */
  private loadSegment(name: SegmentName, last: number | null): void {
    this.nextNumber = name.number + 1;
    const file = join(this.options.folder, segmentFile(name));
    // Before SQLite opens it, which may write to it.
    const times = isLogMissing(file) ? { ...timesOf(file), writtenAtMs: Date.now() } : timesOf(file);
    try {
      const segment = Segment.load(this.options.folder, name, last);
      this.endsWithNothing = segment === null;
      if (segment === null) whereAllowed(() => unlinkSync(file));
      else this.add(segment);
    } catch (error) {
      if (error instanceof FieldlineError || !isDamage(error)) throw error;
      this.postponed.unshift({ name, ...times, error });
    }
  }

  /** The newest in any case: how far its stream went is said by the first batch of the next. */
  private salvageAtStart(): void {
    const until = performance.now() + (this.options.startSalvageMs ?? 500);
    const newest = this.postponed[0]?.name.number ?? 0;
    if (newest < (this.segments.at(-1)?.name.number ?? 0) && performance.now() >= until) return;
    do {
      if (this.salvageNext() === null) return;
    } while (performance.now() < until);
  }

  private salvage(file: DamagedFile): DamagedSegment {
    const segment = Segment.salvage(this.options.folder, file.name);
    if (segment === null) this.unproven.push(file.name);
    else this.add(segment);
    return { ...file, segment };
  }

  private add(segment: Segment): void {
    checkGateway(this.options, segment.head.gateway);
    const newer = this.segments.findIndex(({ name }) => name.number > segment.name.number);
    this.segments.splice(newer === -1 ? this.segments.length : newer, 0, segment);
  }

  private forget(segment: Segment): void {
    if (this.reading === segment) this.reading = undefined;
    this.stopWriting(segment);
    this.segments.splice(this.segments.indexOf(segment), 1);
  }
}
