/** One segment, read by somebody who is not its agent. What it takes to read one that is being written stands in `untouched.ts`. */
import type { Declaration, Micros, Ranges } from '@fieldline/shared/contracts';
import { z } from 'zod';
import type { SegmentName } from '../segment-name.ts';
import {
  declarationsOf,
  hasTables,
  provenRow,
  type ReadBatch,
  readHead,
  readNote,
  type SegmentHead,
} from '../segment-rows.ts';
import { openUntouched, type Untouched } from './untouched.ts';

const placeRow = z.object({ seq: z.int(), samples_through: z.int(), encoded_at: z.int() });
const arrivedRow = z.object({ encoded_at: z.int(), size: z.int() });
const declaredRow = z.object({ declared: z.string() });
const sizeRow = z.object({ payload: z.int().nullable() });
const checkRow = z.object({ integrity_check: z.string() });

const place = 'SELECT seq, samples_through, encoded_at FROM batch';

export class SegmentReader {
  readonly name: SegmentName;
  readonly head: SegmentHead;
  /** The highest `seq`. */
  readonly last: number;
  readonly samples: number;
  private readonly source: Untouched;

  private constructor(name: SegmentName, source: Untouched) {
    const { database } = source;
    const head = readHead(database, name.stream);
    const last = placeRow.parse(database.prepare(`${place} ORDER BY seq DESC LIMIT 1`).get());
    this.name = name;
    this.source = source;
    this.head = head;
    this.last = last.seq;
    this.samples = last.samples_through;
  }

  /** null where its first commit never came. @throws SqliteError, a system error, or what the schema says of a damaged file */
  static open(folder: string, name: SegmentName): SegmentReader | null {
    const source = openUntouched(folder, name);
    if (source === null) return null;
    try {
      if (hasTables(source.database)) return new SegmentReader(name, source);
      // It has its name only when its log is there, and its tables in that: they are lost together.
      if (source.isLogGone) throw new Error('its write-ahead log is gone');
    } catch (error) {
      source.close();
      throw error;
    }
    source.close();
    return null;
  }

  close(): void {
    this.source.close();
  }

  note(): string | null {
    return readNote(this.source.database);
  }

  /** One after the other: a segment may be larger than the memory that is free. @throws SqliteError at what is damaged */
  *batches(): Iterable<ReadBatch> {
    let before = 0;
    let expected = this.name.first;
    for (const row of this.source.database.prepare('SELECT * FROM batch ORDER BY seq').iterate()) {
      const { seq, samplesThrough, encodedAt, declared, bytes } = provenRow(this.name.stream, row);
      if (seq !== expected) throw new Error(`batch ${expected} is missing before ${seq}`);
      expected = seq + 1;
      yield { seq, samples: samplesThrough - before, encodedAt, declared: declarationsOf(declared), bytes };
      before = samplesThrough;
    }
  }

  /** Of its first batch; null where that is not there. @throws SqliteError, or where it is not what was written */
  firstBytes(): Buffer | null {
    const row = this.source.database.prepare('SELECT * FROM batch WHERE seq = ?').get(this.name.first);
    return row === undefined ? null : provenRow(this.name.stream, row).bytes;
  }

  /** SQLite says nothing of rows that a broken page has hidden. @throws SqliteError, or where some cannot be found */
  checkNumbers(): void {
    const count = this.source.database.prepare('SELECT count(*) FROM batch').pluck().get();
    if (count !== this.last - this.name.first + 1) throw new Error('not all of its batches can be found');
  }

  /** @throws SqliteError, or where a batch is not what was written */
  prove(): void {
    let last = 0;
    for (const { seq } of this.batches()) last = seq;
    if (last !== this.last) throw new Error('not all of its batches can be found');
  }

  declared(): readonly Declaration[] {
    const rows = this.source.database.prepare('SELECT declared FROM batch WHERE declared IS NOT NULL ORDER BY seq');
    return rows.all().flatMap((row) => declarationsOf(declaredRow.parse(row).declared));
  }

  encodedAt(seq: number): Micros {
    return this.placeOf(seq).encoded_at;
  }

  /** Samples in the batches of the given ranges, all of which lie in this segment. */
  samplesOf(ranges: Ranges): number {
    const through = (seq: number): number => (seq < this.name.first ? 0 : this.placeOf(seq).samples_through);
    return ranges.reduce((sum, [from, to]) => sum + through(to) - through(from - 1), 0);
  }

  /** When each batch came, and its size. */
  *newestFirst(): Iterable<{ readonly encodedAt: Micros; readonly sizeBytes: number }> {
    const statement = 'SELECT encoded_at, length(bytes) AS size FROM batch ORDER BY seq DESC';
    for (const row of this.source.database.prepare(statement).iterate()) {
      const { encoded_at, size } = arrivedRow.parse(row);
      yield { encodedAt: encoded_at, sizeBytes: size };
    }
  }

  /** Bytes of its batches, and of the pages that they take. */
  filled(): { readonly payload: number; readonly pages: number } {
    const { database } = this.source;
    const { payload } = sizeRow.parse(database.prepare('SELECT sum(length(bytes)) AS payload FROM batch').get());
    const pages = z.int().parse(database.pragma('page_count', { simple: true }));
    const pageBytes = z.int().parse(database.pragma('page_size', { simple: true }));
    return { payload: payload ?? 0, pages: pages * pageBytes };
  }

  /** What SQLite finds wrong with the file; nothing where all is well. */
  defects(): readonly string[] {
    const rows = z.array(checkRow).parse(this.source.database.pragma('integrity_check(10)'));
    return rows.map((row) => row.integrity_check).filter((text) => text !== 'ok');
  }

  private placeOf(seq: number): z.infer<typeof placeRow> {
    return placeRow.parse(this.source.database.prepare(`${place} WHERE seq = ?`).get(seq));
  }
}
