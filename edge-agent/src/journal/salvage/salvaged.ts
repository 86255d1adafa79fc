/**
 * What can be proven of a damaged segment. Invariants:
 *
 * - Nothing is written: the file stays as it is and its batches are read where they lie, on a full or read-only disk as on
 *   any other. So a kill at any moment changes nothing, and the next start finds the same.
 * - No page has to be whole for the others to be found. Each page that looks like rows is looked at, wherever it lies, and a
 *   row counts if its checksum is right for this stream and number: whatever else is broken, it is what was once written.
 * - A batch is proven again each time it is read.
 */
import {
  addRange,
  type Declaration,
  emptyRanges,
  hasNumber,
  type Micros,
  type Ranges,
  subtractRanges,
} from '@fieldline/shared/contracts';
import type { StoredBatch } from '../batches.ts';
import type { SegmentEnd } from '../segment-end.ts';
import { logOf } from '../segment-files.ts';
import type { SegmentName } from '../segment-name.ts';
import { declarationsOf, type ReadBatch, type SegmentHead } from '../segment-rows.ts';
import { ByteFile } from './byte-file.ts';
import { likelyPageBytes, Pages } from './pages.ts';
import { batchIn, type FoundRow, isProvenRow } from './proof.ts';
import { type Proven, provenIn, type RowPlace, rowAt } from './scan.ts';

/** The database, and its write-ahead log. */
type Files = { readonly file: string; readonly log: string };

export class Salvaged {
  readonly head: SegmentHead;
  /** The newest that can be proven; null where none can. */
  readonly note: string | null;
  /** All that was committed since the last batch that is proven can be read, and it is none. */
  private readonly isEndProven: boolean;
  private readonly files: Files;
  private readonly stream: string;
  private readonly pageBytes: number;
  private readonly rows: Map<number, RowPlace>;
  private readonly samples = new Map<number, number>();
  private ranges: Ranges = emptyRanges;
  private open: Pages | undefined;

  private constructor(files: Files, { stream, first }: SegmentName, pages: Pages, { rows, note }: Proven) {
    this.files = files;
    this.stream = stream;
    this.pageBytes = pages.pageBytes;
    this.open = pages;
    this.rows = new Map([...rows].sort(([left], [right]) => left - right));
    for (const [seq, { samplesThrough }] of this.rows) {
      this.ranges = addRange(this.ranges, seq);
      const before = seq === first ? 0 : this.rows.get(seq - 1)?.samplesThrough;
      this.samples.set(seq, before === undefined ? (batchIn(this.row(seq).bytes)?.sent ?? 0) : samplesThrough - before);
    }
    this.note = note;
    this.isEndProven = pages.isWholeFrom(this.rows.get(this.last)?.page);
    this.head = this.readHead();
  }

  /** The size of a page that gives most is the right one. null where nothing of it can be proven. @throws a system error where it cannot be opened */
  static of(file: string, name: SegmentName, log = logOf(file)): Salvaged | null {
    const files = { file, log };
    let best: { readonly pages: Pages; readonly proven: Proven } | undefined;
    for (const pageBytes of pageSizesOf(files)) {
      const pages = openPages(files, pageBytes);
      if (pages === null) continue;
      const proven = provenIn(pages, name);
      const isBest = proven.rows.size > (best?.proven.rows.size ?? 0);
      (isBest ? best?.pages : pages)?.close();
      if (isBest) best = { pages, proven };
    }
    return best === undefined ? null : new Salvaged(files, name, best.pages, best.proven);
  }

  get held(): Ranges {
    return this.ranges;
  }

  get last(): number {
    return this.ranges.at(-1)?.[1] ?? 0;
  }

  get end(): SegmentEnd {
    const times = [...this.rows.values()].map(({ encodedAt }) => encodedAt);
    return { isProven: this.isEndProven, flushedBefore: times.findLast((at) => at !== this.lastAt) ?? null };
  }

  get lastAt(): Micros {
    return this.encodedAt(this.last);
  }

  /** 0 where it was not proven. */
  encodedAt(seq: number): Micros {
    return this.rows.get(seq)?.encodedAt ?? 0;
  }

  /** null where it was not proven. @throws where it no longer can be */
  read(seq: number): StoredBatch | null {
    if (!this.rows.has(seq)) return null;
    return { stream: this.stream, seq, samples: this.samples.get(seq) ?? 0, bytes: this.row(seq).bytes };
  }

  /** All of a batch that is held. @throws where it can no longer be proven */
  batch(seq: number): ReadBatch {
    const { encodedAt, declared, bytes } = this.row(seq);
    return { seq, samples: this.samples.get(seq) ?? 0, encodedAt, declared: declarationsOf(declared), bytes };
  }

  /** It could not be proven again. */
  drop(seq: number): void {
    this.rows.delete(seq);
    this.samples.delete(seq);
    this.ranges = subtractRanges(this.ranges, [[seq, seq]]);
  }

  samplesOf(ranges: Ranges): number {
    let sum = 0;
    for (const [seq, samples] of this.samples) if (hasNumber(ranges, seq)) sum += samples;
    return sum;
  }

  /** In the file, before one of its batches that is held. */
  samplesBefore(seq: number): number {
    return (this.rows.get(seq)?.samplesThrough ?? 0) - (this.samples.get(seq) ?? 0);
  }

  declaredIn(ranges: Ranges): Declaration[] {
    return [...this.rows]
      .filter(([seq, { declares }]) => declares && hasNumber(ranges, seq))
      .flatMap(([seq]) => declarationsOf(this.row(seq).declared));
  }

  close(): void {
    this.open?.close();
    this.open = undefined;
  }

  private row(seq: number): FoundRow {
    this.open ??= openPages(this.files, this.pageBytes) ?? undefined;
    const place = this.rows.get(seq);
    const row = place === undefined || this.open === undefined ? null : rowAt(this.open, place.page, place.cell);
    if (row === null || row.seq !== seq || !isProvenRow(this.stream, row)) {
      throw new Error(`batch ${seq} of ${this.files.file} can no longer be read`);
    }
    return row;
  }

  /** The row that says it is as likely to be broken as any: each batch says it too. */
  private readHead(): SegmentHead {
    const [[seq, { encodedAt }] = [0, { encodedAt: 0 }]] = this.rows;
    const batch = batchIn(this.row(seq).bytes);
    return { gateway: batch?.gateway ?? '', openedAt: encodedAt, volatile: batch?.volatile ?? false };
  }
}

function openPages({ file, log }: Files, pageBytes: number): Pages | null {
  const bytes = ByteFile.open(file);
  return bytes === null ? null : new Pages(bytes, ByteFile.open(log), pageBytes);
}

function pageSizesOf(files: Files): readonly number[] {
  const [bytes, log] = [ByteFile.open(files.file), ByteFile.open(files.log)];
  try {
    return bytes === null ? [] : likelyPageBytes(bytes, log);
  } finally {
    bytes?.close();
    log?.close();
  }
}
