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
 */
import { closeSync, fdatasyncSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Declaration, declarationSchema, type Micros, type Ranges } from '@fieldline/shared/contracts';
import Database from 'better-sqlite3';
import { z } from 'zod';
import type { NewBatch, StoredBatch } from './batches.ts';
import { closeUnfolded, fold, openFolded, openUnfolded, tryToFold } from './segment-database.ts';
import { logOf, removeFile, sizeOf } from './segment-files.ts';
import { type SegmentName, segmentFile } from './segment-name.ts';
import type { SpareLog } from './spare-log.ts';

export type Survives = 'power-cut' | 'process-crash';
export type SegmentHead = {
  readonly gateway: string;
  /** Of its stream. */
  readonly openedAt: Micros;
  /** Its stream began in memory and stands outside the chain of openings. */
  readonly volatile: boolean;
};

export const segmentFormat = 1;
/** The smallest: each commit writes at least two pages again, and on average half a page more than it has. */
const pageBytes = 512;
/** Pages in the log until it is folded in: a megabyte. */
const mostLogPages = 2_000;
/** A page and its head. */
export const fullLogBytes = mostLogPages * (pageBytes + 24);
const schema = `
  CREATE TABLE segment (gateway TEXT NOT NULL, opened_at INTEGER NOT NULL, volatile INTEGER NOT NULL) STRICT;
  CREATE TABLE batch (
    seq INTEGER PRIMARY KEY, samples_through INTEGER NOT NULL, encoded_at INTEGER NOT NULL, declared TEXT, bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX declaring ON batch (seq) WHERE declared IS NOT NULL;
  CREATE TABLE note (only INTEGER PRIMARY KEY CHECK (only = 1), text TEXT NOT NULL) STRICT;
  PRAGMA user_version = ${segmentFormat};
`;

const segmentRow = z.object({ gateway: z.string(), opened_at: z.int(), volatile: z.int() });
const batchRow = z.object({ samples: z.int(), bytes: z.instanceof(Buffer) });
const logRows = z.array(z.object({ log: z.int(), checkpointed: z.int() }));
const lastRow = z.object({ seq: z.int(), samples_through: z.int(), encoded_at: z.int() });
const throughRow = z.object({ samples_through: z.int() });
const declaredRows = z.array(z.object({ declared: z.string() }));
const noteRow = z.object({ text: z.string() });

type Statements = ReturnType<typeof prepare>;

const prepare = (database: Database.Database) => ({
  insert: database.prepare('INSERT INTO batch VALUES (?, ?, ?, ?, ?)'),
  note: database.prepare('INSERT OR REPLACE INTO note VALUES (1, ?)'),
  begin: database.prepare('BEGIN IMMEDIATE'),
  commit: database.prepare('COMMIT'),
  rollback: database.prepare('ROLLBACK'),
  read: database.prepare(
    `SELECT bytes, samples_through -
       coalesce((SELECT samples_through FROM batch AS before WHERE before.seq = batch.seq - 1), 0) AS samples
     FROM batch WHERE seq = ?`,
  ),
  through: database.prepare('SELECT samples_through FROM batch WHERE seq = ?'),
  declared: database.prepare('SELECT declared FROM batch WHERE declared IS NOT NULL AND seq BETWEEN ? AND ?'),
});

export class Segment {
  readonly name: SegmentName;
  readonly file: string;
  head: SegmentHead = { gateway: '', openedAt: 0, volatile: false };
  /** The highest `seq`. */
  last: number;
  /** When the last batch was encoded. */
  lastAt: Micros = 0;
  samples = 0;
  sealed = false;
  private sealedBytes = 0;
  private isForced = false;
  /** Of the write-ahead log. */
  private log: number | undefined;
  private open: { database: Database.Database; statements: Statements } | undefined;

  private constructor(folder: string, name: SegmentName) {
    this.name = name;
    this.file = join(folder, segmentFile(name));
    this.last = name.first - 1;
  }

  /** A new segment with its first batches: all in one transaction, or no segment. @throws SqliteError */
  static create(
    folder: string,
    name: SegmentName,
    head: SegmentHead,
    survives: Survives,
    batches: readonly NewBatch[],
    note: string,
    spare: SpareLog,
  ): Segment {
    const segment = new Segment(folder, name);
    segment.isForced = survives === 'power-cut';
    let database = new Database(segment.file);
    try {
      database.pragma(`page_size = ${pageBytes}`);
      database.pragma('journal_mode = WAL');
      // It has no log while it is closed.
      database.close();
      spare.giveTo(logOf(segment.file));
      database = new Database(segment.file);
      database.pragma('synchronous = NORMAL');
      database.pragma('wal_autocheckpoint = 0');
      database.exec(`BEGIN IMMEDIATE; ${schema}`);
      database.prepare('INSERT INTO segment VALUES (?, ?, ?)').run(head.gateway, head.openedAt, head.volatile ? 1 : 0);
      segment.open = { database, statements: prepare(database) };
      segment.insert(batches, note);
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
   * @throws what SQLite or the schema says of a damaged file, or of one that cannot be read now
   */
  static load(folder: string, name: SegmentName): Segment | null {
    const segment = new Segment(folder, name);
    const isFolded = tryToFold(segment.file);
    const database = isFolded ? openFolded(segment.file) : openUnfolded(segment.file);
    try {
      if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'batch'").get() === undefined) return null;
      const version = database.pragma('user_version', { simple: true });
      if (version !== segmentFormat)
        throw new Error(`format ${String(version)}; this agent knows format ${segmentFormat}`);
      const head = segmentRow.parse(database.prepare('SELECT gateway, opened_at, volatile FROM segment').get());
      segment.head = { gateway: head.gateway, openedAt: head.opened_at, volatile: head.volatile === 1 };
      const last = lastRow.parse(
        database.prepare('SELECT seq, samples_through, encoded_at FROM batch ORDER BY seq DESC LIMIT 1').get(),
      );
      segment.last = last.seq;
      segment.lastAt = last.encoded_at;
      segment.samples = last.samples_through;
    } finally {
      database.close();
    }
    if (isFolded) segment.markSealed();
    return segment;
  }

  /** Durable when it returns. @throws SqliteError; whether the batches are in the file is then not known */
  append(batches: readonly NewBatch[], note: string | null): void {
    this.opened().statements.begin.run();
    this.insert(batches, note);
  }

  private insert(batches: readonly NewBatch[], note: string | null): void {
    const { statements, database } = this.opened();
    let { samples, last, lastAt } = this;
    try {
      for (const batch of batches) {
        samples += batch.samples;
        last = batch.seq;
        lastAt = batch.encodedAt;
        const declared = batch.declared.length === 0 ? null : JSON.stringify(batch.declared);
        statements.insert.run(batch.seq, samples, batch.encodedAt, declared, batch.bytes);
      }
      if (note !== null) statements.note.run(note);
      statements.commit.run();
      if (this.isForced) this.force();
    } catch (error) {
      if (database.inTransaction) statements.rollback.run();
      throw error;
    }
    this.samples = samples;
    this.last = last;
    this.lastAt = lastAt;
  }

  private force(): void {
    this.log ??= openSync(logOf(this.file), 'r+');
    fdatasyncSync(this.log);
  }

  read(seq: number): StoredBatch | null {
    const row = this.opened().statements.read.get(seq);
    return row === undefined ? null : { stream: this.name.stream, seq, ...batchRow.parse(row) };
  }

  /** Samples in the batches of the given ranges, all of which lie in this segment. */
  samplesOf(ranges: Ranges): number {
    const through = (seq: number): number => {
      if (seq < this.name.first) return 0;
      if (seq === this.last) return this.samples;
      return throughRow.parse(this.opened().statements.through.get(seq)).samples_through;
    };
    return ranges.reduce((sum, [from, to]) => sum + through(to) - through(from - 1), 0);
  }

  /** What the batches of the given ranges declare. */
  declaredIn(ranges: Ranges): Declaration[] {
    return ranges.flatMap(([from, to]) =>
      declaredRows
        .parse(this.opened().statements.declared.all(from, to))
        .flatMap((row) => z.array(declarationSchema).parse(JSON.parse(row.declared))),
    );
  }

  note(): string | null {
    const row = this.opened().database.prepare('SELECT text FROM note').get();
    return row === undefined ? null : noteRow.parse(row).text;
  }

  /** On the disk, the write-ahead log included. */
  sizeBytes(): number {
    return this.sealed ? this.sealedBytes : sizeOf(this.file) + sizeOf(logOf(this.file));
  }

  /** What waits in the log to be folded in is as much as it shall be. */
  get isLogFull(): boolean {
    const [state] = logRows.parse(this.opened().database.pragma('wal_checkpoint(NOOP)'));
    return state !== undefined && state.log - state.checkpointed >= mostLogPages;
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
    if (this.log !== undefined) closeSync(this.log);
    this.log = undefined;
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

  get isOpen(): boolean {
    return this.open !== undefined;
  }

  private markSealed(): void {
    this.sealed = true;
    this.sealedBytes = sizeOf(this.file);
  }

  private opened(): { database: Database.Database; statements: Statements } {
    if (this.open === undefined) {
      const database = this.sealed ? openFolded(this.file) : openUnfolded(this.file);
      try {
        this.open = { database, statements: prepare(database) };
      } catch (error) {
        database.close();
        throw error;
      }
    }
    return this.open;
  }
}
