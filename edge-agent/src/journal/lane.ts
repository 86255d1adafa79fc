import { statSync } from 'node:fs';
import type { NewBatch } from './batches.ts';
import type { DiskOptions } from './disk-options.ts';
import type { Segment, SegmentHead } from './segment.ts';

/** Makes a segment with its first batches. @throws SqliteError; then nothing of it is there */
export type CreateSegment = (batches: readonly NewBatch[], head: SegmentHead, note: string) => Segment;

/** What a commit needs to know beside its batches. */
export type Appending = {
  /** It is written with the batches where it is due. */
  readonly note: { readonly isDue: boolean; readonly text: () => string };
  /** Whether a segment will be deleted before long. */
  readonly goesSoon: (segment: Segment) => boolean;
};

/** The segments of one class that are written. */
export class Lane {
  writing: Segment | undefined;
  /**
   * The one before it: its log is folded in when the next is finished. Mostly all of it is confirmed by then and it is gone, so that
   * its batches were written once.
   */
  private finished: Segment | undefined;
  private head: SegmentHead | undefined;
  private begunAt = 0;
  private readonly options: Pick<DiskOptions, 'segmentBytes' | 'segmentMs'>;
  private readonly create: CreateSegment;
  /** What a file states of the last samples; null where it states none. */
  private readonly lastSamples: () => Buffer | null;

  constructor(
    options: Pick<DiskOptions, 'segmentBytes' | 'segmentMs'>,
    create: CreateSegment,
    lastSamples: () => Buffer | null,
  ) {
    this.options = options;
    this.create = create;
    this.lastSamples = lastSamples;
  }

  isOpen(segment: Segment): boolean {
    return segment === this.writing || segment === this.finished;
  }

  /** Begins a stream: its first batches go to a segment of their own. @throws SqliteError; then nothing of it is there */
  begin(batches: readonly NewBatch[], head: SegmentHead, note: string): void {
    const segment = this.create(batches, head, note);
    this.finishWriting();
    this.writing = segment;
    this.head = head;
    this.begunAt = batches[0]?.encodedAt ?? 0;
  }

  /** Not forced yet. @throws SqliteError; whether the batches are there is then not known until the next start */
  append(batches: readonly NewBatch[], { note, goesSoon }: Appending): void {
    const { writing, head } = this;
    if (head === undefined) throw new Error('no stream was begun');
    if (writing === undefined || !this.isOpenFor(batches, writing, goesSoon)) {
      this.begin(batches, head, note.text());
      return;
    }
    const isFolded = writing.isLogFull;
    if (isFolded) writing.foldLog();
    writing.append(batches, {
      note: note.isDue ? note.text() : null,
      lastSamples: isFolded ? this.lastSamples() : null,
    });
  }

  /** What the file that is written states of the last samples is no longer true. Not forced yet. @throws SqliteError */
  stateLastSamples(): void {
    this.writing?.append([], { note: null, lastSamples: this.lastSamples() });
  }

  /** SQLite goes on writing to a file that was deleted, and says nothing. @throws a system error where that is so */
  checkInPlace(): void {
    if (this.writing !== undefined) statSync(this.writing.file);
  }

  /** It is written no more: what comes goes to a new segment. */
  stopWriting(segment: Segment): void {
    if (this.writing === segment) this.writing = undefined;
    if (this.finished === segment) this.finished = undefined;
  }

  /** @throws SqliteError; the next start folds the log in then */
  close(): void {
    for (const segment of [this.finished, this.writing]) segment?.seal();
    this.finished = undefined;
    this.writing = undefined;
  }

  /** A full log is folded in, unless the file is deleted before long. */
  private isOpenFor([first]: readonly NewBatch[], writing: Segment, goesSoon: Appending['goesSoon']): boolean {
    const { segmentBytes, segmentMs = Number.POSITIVE_INFINITY } = this.options;
    const isYoung = ((first?.encodedAt ?? 0) - this.begunAt) / 1_000 < segmentMs;
    if (!isYoung || writing.sizeBytes() >= segmentBytes) return false;
    return !writing.isLogFull || !goesSoon(writing);
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
}
