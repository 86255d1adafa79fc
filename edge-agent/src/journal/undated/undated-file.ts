/**
 * A SQLite file with undated samples of one boot. Each row has a checksum over all that it says, and its samples have one of
 * their own: what a file holds is known without reading them.
 */
import { statSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import { z } from 'zod';
import type { Survives } from '../segment.ts';
import { openUnfolded } from '../segment-database.ts';
import { logOf, removeFile, sizeOf } from '../segment-files.ts';
import { pageBytes, SegmentLog } from '../segment-log.ts';
import { isDamage } from '../trouble.ts';
import { type Entry, entrySchema, type Head, headSchema } from './entry.ts';

const format = 1;
const schema = `
  CREATE TABLE IF NOT EXISTS head (only INTEGER PRIMARY KEY CHECK (only = 1), text TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS entry (row INTEGER PRIMARY KEY, text TEXT NOT NULL, checksum INTEGER NOT NULL, bytes BLOB) STRICT;
  PRAGMA user_version = ${format};
`;
/** In the log until it is folded in. */
const mostLogBytes = 512 * 1024;

/** Of the bound of all files, what the log of the one that is written may take. */
export const logBytesOf = (maxBytes: number): number => Math.min(mostLogBytes, maxBytes / 4);

const textRow = z.object({ row: z.int(), text: z.string(), checksum: z.int() });
const bytesRow = z.object({ bytes: z.instanceof(Buffer) });

/** Entries to write, null for such as go; and the bytes of those that have some. */
export type Changes = {
  readonly entries: ReadonlyMap<number, Entry | null>;
  readonly bytes: ReadonlyMap<number, Buffer>;
};

export type Loaded = {
  /** null where it cannot be proven. */
  readonly head: Head | null;
  /** Those that prove themselves, in the order of their making. */
  readonly entries: readonly Entry[];
  /** null when all of it could be read. */
  readonly damage: unknown;
};

export class UndatedFile {
  readonly file: string;
  private readonly id: string;
  private readonly logBytes: number;
  private readonly log: SegmentLog;
  private writing: Database.Database | undefined;
  private reading: Database.Database | undefined;

  constructor(file: string, id: string, { survives, maxBytes }: { survives: Survives; maxBytes: number }) {
    this.file = file;
    this.id = id;
    this.logBytes = logBytesOf(maxBytes);
    this.log = new SegmentLog(file);
    this.log.shallBeForced = survives === 'power-cut';
  }

  /** What a file holds that an earlier process left. @throws where it cannot be read now, which says nothing of what it holds */
  load(): Loaded {
    let loaded: Loaded = { head: null, entries: [], damage: null };
    try {
      const size = sizeOf(this.file);
      // SQLite takes it for a new one.
      if (size > 0 && size < pageBytes) throw new Error('its first page is gone');
      const database = this.opened();
      if (!isEmpty(database)) loaded = this.provenIn(database);
    } catch (error) {
      if (!isDamage(error)) throw error;
      loaded = { ...loaded, damage: error };
    } finally {
      this.close();
    }
    return loaded;
  }

  /** All or nothing; durable when it returns. @throws SqliteError */
  save(head: Head, { entries, bytes }: Changes): void {
    const database = this.opened(true);
    try {
      database.exec(`BEGIN IMMEDIATE; ${schema}`);
      const text = JSON.stringify(head);
      database.prepare('INSERT OR REPLACE INTO head VALUES (1, ?, ?)').run(text, this.checksum(0, text));
      const insert = database.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)');
      const remove = database.prepare('DELETE FROM entry WHERE row = ?');
      for (const [row, entry] of entries) {
        const own = JSON.stringify(entry);
        if (entry === null) remove.run(row);
        else insert.run(row, own, this.checksum(row, own), bytes.get(row) ?? null);
      }
      database.exec('COMMIT');
      this.log.wasCommitted();
      this.log.force();
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK');
      this.close();
      throw error;
    }
  }

  /** The samples of an entry. @throws where they are not what was written */
  read(row: number, checksum: number): Buffer {
    const { bytes } = bytesRow.parse(this.opened().prepare('SELECT bytes FROM entry WHERE row = ?').get(row));
    if (crc32(bytes) !== checksum) throw new Error(`entry ${row} is not what was written`);
    return bytes;
  }

  /** What is in use of the file: rows that went leave their pages to others. */
  usedBytes(): number {
    if (this.writing === undefined) return sizeOf(this.file);
    const pages = z
      .array(z.int())
      .parse(['page_count', 'freelist_count'].map((name) => this.writing?.pragma(name, { simple: true })));
    return ((pages[0] ?? 0) - (pages[1] ?? 0)) * pageBytes;
  }

  sizeBytes(): number {
    return sizeOf(this.file) + sizeOf(logOf(this.file));
  }

  /** False where somebody deleted it. */
  get isInPlace(): boolean {
    return statSync(this.file, { throwIfNoEntry: false }) !== undefined;
  }

  remove(): void {
    this.close();
    for (const suffix of ['-wal', '-shm', '-journal', '']) removeFile(`${this.file}${suffix}`);
  }

  close(): void {
    this.log.close();
    this.writing?.close();
    this.reading?.close();
    this.writing = undefined;
    this.reading = undefined;
  }

  private opened(toWrite = false): Database.Database {
    if (this.writing !== undefined) return this.writing;
    if (!toWrite) {
      this.reading ??= openUnfolded(this.file);
      return this.reading;
    }
    this.close();
    const database = new Database(this.file);
    try {
      database.pragma(`page_size = ${pageBytes}`);
      database.pragma('journal_mode = WAL');
      // Commits are forced by us, as those of a segment are.
      database.pragma('synchronous = NORMAL');
      database.pragma(`wal_autocheckpoint = ${Math.ceil(this.logBytes / pageBytes)}`);
    } catch (error) {
      database.close();
      throw error;
    }
    this.writing = database;
    return database;
  }

  private provenIn(database: Database.Database): Loaded {
    const version = database.pragma('user_version', { simple: true });
    if (version !== format) throw new Error(`format ${String(version)}; this program knows format ${format}`);
    const entries = new Map<number, Entry>();
    // From both ends: what lies beyond a broken page is found from the other one.
    const troubles = ['ASC', 'DESC'].map((order) => this.collect(database, order, entries));
    const head = this.headIn(database);
    const damage =
      troubles.find((trouble) => trouble !== null) ?? (head === null ? new Error('its head is broken') : null);
    return { head, entries: [...entries.values()].sort((left, right) => left.row - right.row), damage };
  }

  /** Gives what ended it; null where that is the end. */
  private collect(database: Database.Database, order: string, entries: Map<number, Entry>): unknown {
    let trouble: unknown = null;
    try {
      for (const found of database.prepare(`SELECT row, text, checksum FROM entry ORDER BY row ${order}`).iterate()) {
        const { row, text, checksum } = textRow.parse(found);
        if (checksum === this.checksum(row, text)) entries.set(row, entrySchema.parse(JSON.parse(text)));
        else trouble = new Error(`entry ${row} is not what was written`);
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      trouble = error;
    }
    return trouble;
  }

  private headIn(database: Database.Database): Head | null {
    try {
      const { text, checksum } = textRow.parse(database.prepare('SELECT 0 AS row, text, checksum FROM head').get());
      return checksum === this.checksum(0, text) ? headSchema.parse(JSON.parse(text)) : null;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return null;
    }
  }

  private checksum(row: number, text: string): number {
    return crc32(`${this.id} ${row} ${text}`);
  }
}

/** Its first commit never came. */
const isEmpty = (database: Database.Database): boolean =>
  database.prepare('SELECT 1 FROM sqlite_master').get() === undefined;
