/** The tables of a segment and their rows. A row that is read is proven by its checksum; those of format 1 had none. */
import { type Declaration, declarationSchema, type Micros, type Ranges } from '@fieldline/shared/contracts';
import type Database from 'better-sqlite3';
import { z } from 'zod';
import type { NewBatch } from './batches.ts';
import { headChecksum, lastSamplesChecksum, rowChecksum } from './row-checksum.ts';

export type SegmentHead = {
  readonly gateway: string;
  /** Of its stream. */
  readonly openedAt: Micros;
  /** Its stream began in memory and stands outside the chain of openings. */
  readonly volatile: boolean;
};

/** A batch as a segment holds it. */
export type Row = {
  readonly seq: number;
  readonly samplesThrough: number;
  readonly encodedAt: Micros;
  readonly declared: string | null;
  readonly bytes: Buffer;
};

/** A row, and what it means. */
export type ReadBatch = Pick<Row, 'seq' | 'encodedAt' | 'bytes'> & {
  readonly samples: number;
  readonly declared: readonly Declaration[];
};

export const segmentFormat = 2;
const formatWithoutChecksums = 1;
const schema = `
  CREATE TABLE segment (
    gateway TEXT NOT NULL, opened_at INTEGER NOT NULL, volatile INTEGER NOT NULL, checksum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE batch (
    seq INTEGER PRIMARY KEY, samples_through INTEGER NOT NULL, encoded_at INTEGER NOT NULL, declared TEXT,
    bytes BLOB NOT NULL, checksum INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX declaring ON batch (seq) WHERE declared IS NOT NULL;
  CREATE TABLE note (only INTEGER PRIMARY KEY CHECK (only = 1), text TEXT NOT NULL) STRICT;
  PRAGMA user_version = ${segmentFormat};
`;

/** In files of gateways that remember the last sample of series. */
const lastSamplesSchema = `
  CREATE TABLE IF NOT EXISTS last_samples (
    only INTEGER PRIMARY KEY CHECK (only = 1), next INTEGER NOT NULL, bytes BLOB NOT NULL, checksum INTEGER NOT NULL
  ) STRICT;
`;

const checksum = z.int().optional();
const headRow = z.object({ gateway: z.string(), opened_at: z.int(), volatile: z.int(), checksum });
const batchRow = z.object({
  seq: z.int(),
  samples_through: z.int(),
  encoded_at: z.int(),
  declared: z.string().nullable(),
  bytes: z.instanceof(Buffer),
  checksum,
});
const noteRow = z.object({ text: z.string() });
const lastSamplesRow = z.object({ next: z.int(), bytes: z.instanceof(Buffer), checksum: z.int() });
const encodedRow = z.object({ encoded_at: z.int() });
const countRow = z.object({ count: z.int() });

export const hasTables = (database: Database.Database): boolean => hasTable(database, 'batch');

const hasTable = (database: Database.Database, name: string): boolean =>
  database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(name) !== undefined;

/** @throws where the format is another one, or the row is not what was written */
export function readHead(database: Database.Database, stream: string): SegmentHead {
  const version = database.pragma('user_version', { simple: true });
  if (version !== segmentFormat && version !== formatWithoutChecksums)
    throw new Error(`format ${String(version)}; this program knows up to format ${segmentFormat}`);
  const row = headRow.parse(database.prepare('SELECT * FROM segment').get());
  const head = { gateway: row.gateway, openedAt: row.opened_at, volatile: row.volatile === 1 };
  if (version === segmentFormat && row.checksum !== headChecksum(stream, head.gateway, head.openedAt, head.volatile))
    throw new Error('its first row is not what was written');
  return head;
}

/** A row that was read. @throws where it is not what was written */
export function provenRow(stream: string, found: unknown): Row {
  const { samples_through, encoded_at, checksum, ...rest } = batchRow.parse(found);
  const row = { ...rest, samplesThrough: samples_through, encodedAt: encoded_at };
  if (checksum !== undefined && checksum !== rowChecksum(stream, row))
    throw new Error(`batch ${row.seq} is not what was written`);
  return row;
}

export const declarationsOf = (text: string | null): Declaration[] =>
  text === null ? [] : z.array(declarationSchema).parse(JSON.parse(text));

export const textOf = (declared: readonly Declaration[]): string | null =>
  declared.length === 0 ? null : JSON.stringify(declared);

export function readNote(database: Database.Database): string | null {
  const row = database.prepare('SELECT text FROM note').get();
  return row === undefined ? null : noteRow.parse(row).text;
}

/** The last samples of series, as they were before batch `next`. */
export type LastSamplesRow = { readonly next: number; readonly bytes: Buffer };

/** null where there are none, or they are not what was written. */
export function readLastSamples(database: Database.Database, stream: string): LastSamplesRow | null {
  if (!hasTable(database, 'last_samples')) return null;
  const found = lastSamplesRow.safeParse(database.prepare('SELECT * FROM last_samples').get());
  if (!found.success || found.data.checksum !== lastSamplesChecksum(stream, found.data)) return null;
  return found.data;
}

/** What a commit states beside its batches; null: what was stated before. */
export type Beside = { readonly note: string | null; readonly lastSamples: Buffer | null };

/** `next`: the first batch that what is stated of the last samples does not know. */
export function insertBeside(
  database: Database.Database,
  stream: string,
  { note, lastSamples: bytes }: Beside,
  next: number,
): void {
  if (note !== null) database.prepare('INSERT OR REPLACE INTO note VALUES (1, ?)').run(note);
  if (bytes === null) return;
  database.exec(lastSamplesSchema);
  const insert = database.prepare('INSERT OR REPLACE INTO last_samples VALUES (1, ?, ?, ?)');
  insert.run(next, bytes, lastSamplesChecksum(stream, { next, bytes }));
}

/** Begins a transaction with the tables of a new file. */
export function beginTables(database: Database.Database, stream: string, head: SegmentHead): void {
  database.exec(`BEGIN IMMEDIATE; ${schema}`);
  const { gateway, openedAt, volatile } = head;
  const insert = database.prepare('INSERT INTO segment VALUES (?, ?, ?, ?)');
  insert.run(gateway, openedAt, volatile ? 1 : 0, headChecksum(stream, gateway, openedAt, volatile));
}

export function insertRow(insert: Database.Statement, stream: string, row: Row): void {
  insert.run(row.seq, row.samplesThrough, row.encodedAt, row.declared, row.bytes, rowChecksum(stream, row));
}

/** Gives the samples of the segment with these batches; `samples`: those before them. */
export function insertBatches(
  insert: Database.Statement,
  stream: string,
  batches: readonly NewBatch[],
  samples: number,
): number {
  let samplesThrough = samples;
  for (const { seq, samples: own, encodedAt, declared, bytes } of batches) {
    samplesThrough += own;
    insertRow(insert, stream, { seq, samplesThrough, encodedAt, declared: textOf(declared), bytes });
  }
  return samplesThrough;
}

export const prepareWriting = (database: Database.Database) => ({
  insert: database.prepare('INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)'),
  begin: database.prepare('BEGIN IMMEDIATE'),
  commit: database.prepare('COMMIT'),
  rollback: database.prepare('ROLLBACK'),
});

export type Writing = ReturnType<typeof prepareWriting>;

/** Reads the rows of one segment. */
export class Rows {
  readonly stream: string;
  private readonly database: Database.Database;
  private readonly one: Database.Statement;
  private readonly declaring: Database.Statement;
  /** Batches are mostly read one after the other, and each asks for the count of the one before. */
  private newest: { readonly seq: number; readonly samplesThrough: number } | undefined;

  constructor(stream: string, database: Database.Database) {
    this.stream = stream;
    this.database = database;
    this.one = database.prepare('SELECT * FROM batch WHERE seq = ?');
    this.declaring = database.prepare('SELECT * FROM batch WHERE declared IS NOT NULL AND seq BETWEEN ? AND ?');
  }

  /** @throws where it is not there */
  row(seq: number): Row {
    const found = this.one.get(seq);
    if (found === undefined) throw new Error(`batch ${seq} is not where it was written`);
    const row = provenRow(this.stream, found);
    if (row.seq !== seq) throw new Error(`batch ${row.seq} stands where ${seq} was written`);
    this.newest = { seq, samplesThrough: row.samplesThrough };
    return row;
  }

  /** Samples of the segment up to and including a batch. @throws where that is not there */
  through(seq: number): number {
    return this.newest?.seq === seq ? this.newest.samplesThrough : this.row(seq).samplesThrough;
  }

  last(): Row {
    return provenRow(this.stream, this.database.prepare('SELECT * FROM batch ORDER BY seq DESC LIMIT 1').get());
  }

  /** When batches were encoded before those at the given time, the newest; null where all are of that. */
  flushedBefore(lastAt: Micros): Micros | null {
    const others = this.database.prepare(
      'SELECT encoded_at FROM batch WHERE encoded_at <> ? ORDER BY seq DESC LIMIT 1',
    );
    const row = others.get(lastAt);
    return row === undefined ? null : encodedRow.parse(row).encoded_at;
  }

  /** @throws where there are more or fewer of them */
  checkCount(expected: number): void {
    const { count } = countRow.parse(this.database.prepare('SELECT count(*) AS count FROM batch').get());
    if (count !== expected) throw new Error('not all of its batches can be found');
  }

  declaredIn(ranges: Ranges): Declaration[] {
    return ranges.flatMap(([from, to]) =>
      this.declaring.all(from, to).flatMap((row) => declarationsOf(provenRow(this.stream, row).declared)),
    );
  }
}
