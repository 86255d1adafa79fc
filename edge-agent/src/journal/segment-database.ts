/** How the file of a segment is opened, whatever the disk allows: a disk that takes nothing may be read all the same. */
import { renameSync } from 'node:fs';
import Database from 'better-sqlite3';
import { logOf, newOf, removeFile } from './segment-files.ts';
import { pageBytes } from './segment-log.ts';
import type { SpareLog } from './spare-log.ts';
import { isDamage, whereAllowed } from './trouble.ts';

/** Batches are written at the end and read one after the other: what was met is not met again. SQLite takes eight times as much unless told. */
const smallCache = 'cache_size = -256';

/**
 * A new file for batches, with the spare log if there is one. It has its name only when its log is there: where the log of a file
 * without tables is missing, it had some and they are lost with it. @throws SqliteError or a system error; then there is no file
 */
export function createDatabase(file: string, spare: SpareLog): Database.Database {
  const unnamed = newOf(file);
  try {
    makeEmpty(unnamed);
    spare.giveTo(logOf(file));
    renameSync(unnamed, file);
  } catch (error) {
    for (const left of [unnamed, logOf(file)]) whereAllowed(() => removeFile(left));
    throw error;
  }
  const database = new Database(file);
  database.pragma('synchronous = NORMAL');
  database.pragma('wal_autocheckpoint = 0');
  database.pragma(smallCache);
  return database;
}

function makeEmpty(file: string): void {
  removeFile(file);
  const database = new Database(file);
  try {
    database.pragma(`page_size = ${pageBytes}`);
    database.pragma('journal_mode = WAL');
  } finally {
    database.close();
  }
}

/** Folds the write-ahead log into the file, which then stands alone and can be read on a read-only disk. */
export function fold(database: Database.Database): void {
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.pragma('journal_mode = DELETE');
}

/** Folds what an earlier opening left. False where the disk does not allow it. @throws what SQLite says of a damaged file */
export function tryToFold(file: string): boolean {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { fileMustExist: true });
    if (database.pragma('journal_mode', { simple: true }) !== 'delete') fold(database);
    return true;
  } catch (error) {
    if (isDamage(error)) throw error;
    return false;
  } finally {
    database?.close();
  }
}

export function openFolded(file: string): Database.Database {
  const database = new Database(file, { fileMustExist: true, readonly: true });
  database.pragma(smallCache);
  return database;
}

/**
 * A segment with batches in its write-ahead log. SQLite has the index of the log in a third file, for which a full disk may
 * have no room; it keeps it in memory where the file is its own alone. On a read-only disk nothing can be locked so: there
 * the index must have been left, as a kill leaves it.
 */
export function openUnfolded(file: string): Database.Database {
  const database = new Database(file, { fileMustExist: true });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.prepare('SELECT 1 FROM sqlite_master').get();
    return database;
  } catch {
    database.close();
    return openFolded(file);
  }
}

/**
 * Without folding the log in, which the last to close a database does: that would write once more what is to be deleted. Who can
 * only read folds nothing, and is the last here.
 */
export function closeUnfolded(database: Database.Database, file: string): void {
  let reader: Database.Database | undefined;
  try {
    // Where the writer has the file for itself there is nothing to wait for: it folds its log in then.
    reader = new Database(file, { fileMustExist: true, readonly: true, timeout: 0 });
    reader.prepare('SELECT 1 FROM sqlite_master').get();
  } catch {
    // The file is gone already.
  }
  database.close();
  reader?.close();
}
