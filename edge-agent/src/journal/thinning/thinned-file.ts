/**
 * The file that is to take the place of a segment. It is a whole segment when it is committed and forced, and nothing before:
 * a kill leaves a file that the next start deletes. So SQLite needs neither a journal nor a log for it, and forces nothing.
 */
import { open } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { z } from 'zod';
import { removeFile, sizeOf, thinningOf } from '../segment-files.ts';
import { pageBytes } from '../segment-log.ts';
import { beginTables, insertBeside, insertRow, prepareWriting, type Row, type SegmentHead } from '../segment-rows.ts';

/** What it has in memory at most; the rest goes to the file as it comes, and the commit is short. */
const cacheKibibytes = 1_024;

export class ThinnedFile {
  readonly path: string;
  private readonly stream: string;
  private readonly database: Database.Database;
  private readonly writing: ReturnType<typeof prepareWriting>;

  /** @throws SqliteError; then there is no file */
  constructor(segment: string, stream: string, head: SegmentHead, note: string | null) {
    this.path = thinningOf(segment);
    this.stream = stream;
    removeFile(this.path);
    this.database = new Database(this.path);
    try {
      for (const setting of [`page_size = ${pageBytes}`, 'journal_mode = OFF', 'synchronous = OFF'])
        this.database.pragma(setting);
      this.database.pragma(`cache_size = -${cacheKibibytes}`);
      beginTables(this.database, stream, head);
      this.writing = prepareWriting(this.database);
      insertBeside(this.database, stream, { note, lastSamples: null }, 0);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** @throws SqliteError */
  insert(row: Row): void {
    insertRow(this.writing.insert, this.stream, row);
  }

  get sizeBytes(): number {
    if (!this.database.open) return sizeOf(this.path);
    return z.int().parse(this.database.pragma('page_count', { simple: true })) * pageBytes;
  }

  /** @throws SqliteError */
  commit(): void {
    this.writing.commit.run();
    this.database.close();
  }

  /** All of it is on the medium then: megabytes, which a flash card takes its time for. @throws a system error */
  async force(): Promise<void> {
    const file = await open(this.path, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  remove(): void {
    this.database.close();
    removeFile(this.path);
  }
}
