/** One segment, read by somebody who is not its agent. What it takes to read one that is being written stands in `untouched.ts`. */
import { join } from 'node:path';
import { type Declaration, declarationSchema, type Micros, type Ranges } from '@fieldline/shared/contracts';
import { z } from 'zod';
import { type SegmentHead, segmentFormat } from '../segment.ts';
import { type SegmentName, segmentFile } from '../segment-name.ts';
import { openUntouched, type Untouched } from './untouched.ts';

export type ReadBatch = {
  readonly seq: number;
  readonly samples: number;
  readonly encodedAt: Micros;
  readonly declared: readonly Declaration[];
  readonly bytes: Buffer;
};

const headRow = z.object({ gateway: z.string(), opened_at: z.int(), volatile: z.int() });
const batchRow = z.object({
  seq: z.int(),
  samples_through: z.int(),
  encoded_at: z.int(),
  declared: z.string().nullable(),
  bytes: z.instanceof(Buffer),
});
const placeRow = batchRow.pick({ seq: true, samples_through: true, encoded_at: true });
const arrivedRow = z.object({ encoded_at: z.int(), size: z.int() });
const declaredRow = z.object({ declared: z.string() });
const noteRow = z.object({ text: z.string() });
const sizeRow = z.object({ payload: z.int().nullable() });
const checkRow = z.object({ integrity_check: z.string() });

const place = 'SELECT seq, samples_through, encoded_at FROM batch';

const declarationsOf = (text: string | null): Declaration[] =>
  text === null ? [] : z.array(declarationSchema).parse(JSON.parse(text));

export class SegmentReader {
  readonly name: SegmentName;
  readonly head: SegmentHead;
  /** The highest `seq`. */
  readonly last: number;
  readonly samples: number;
  private readonly source: Untouched;

  private constructor(name: SegmentName, source: Untouched) {
    const { database } = source;
    const version = database.pragma('user_version', { simple: true });
    if (version !== segmentFormat) {
      throw new Error(`format ${String(version)}; this program knows format ${segmentFormat}`);
    }
    const head = headRow.parse(database.prepare('SELECT gateway, opened_at, volatile FROM segment').get());
    const last = placeRow.parse(database.prepare(`${place} ORDER BY seq DESC LIMIT 1`).get());
    this.name = name;
    this.source = source;
    this.head = { gateway: head.gateway, openedAt: head.opened_at, volatile: head.volatile === 1 };
    this.last = last.seq;
    this.samples = last.samples_through;
  }

  /** null where its first commit never came. @throws SqliteError, a system error, or what the schema says of a damaged file */
  static open(folder: string, name: SegmentName): SegmentReader | null {
    const source = openUntouched(join(folder, segmentFile(name)));
    if (source === null) return null;
    try {
      const table = source.database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'batch'").get();
      if (table !== undefined) return new SegmentReader(name, source);
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
    const row = this.source.database.prepare('SELECT text FROM note').get();
    return row === undefined ? null : noteRow.parse(row).text;
  }

  /** One after the other: a segment may be larger than the memory that is free. @throws SqliteError at what is damaged */
  *batches(): Iterable<ReadBatch> {
    let before = 0;
    for (const row of this.source.database.prepare('SELECT * FROM batch ORDER BY seq').iterate()) {
      const { seq, samples_through, encoded_at, declared, bytes } = batchRow.parse(row);
      yield {
        seq,
        samples: samples_through - before,
        encodedAt: encoded_at,
        declared: declarationsOf(declared),
        bytes,
      };
      before = samples_through;
    }
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

  /** What a byte of a batch takes in the file. */
  bytesPerByte(): number {
    const { database } = this.source;
    const { payload } = sizeRow.parse(database.prepare('SELECT sum(length(bytes)) AS payload FROM batch').get());
    const pages = z.int().parse(database.pragma('page_count', { simple: true }));
    const pageBytes = z.int().parse(database.pragma('page_size', { simple: true }));
    return payload === null || payload === 0 ? 1 : (pages * pageBytes) / payload;
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
