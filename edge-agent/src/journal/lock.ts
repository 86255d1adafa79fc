/**
 * One agent per journal folder. The lock is one that the operating system holds on a file, so it is gone with the process,
 * however that ends; a lock file left behind locks nobody out.
 */
import { join } from 'node:path';
import { FieldlineError } from '@fieldline/shared/contracts';
import Database from 'better-sqlite3';

/** @throws FieldlineError journal/in-use; SqliteError where the folder cannot be written */
export function lockFolder(folder: string): { release: () => void } {
  const database = new Database(join(folder, 'lock'), { timeout: 0 });
  try {
    // Without a rollback journal the lock leaves no second file.
    database.pragma('journal_mode = MEMORY');
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
    throw new FieldlineError(
      'journal/in-use',
      `another agent uses the journal folder ${folder}: stop it, or give this one its own journal.folder`,
      { cause: error },
    );
  }
  return { release: () => void database.close() };
}
