/**
 * One agent per journal folder. The lock is one that the operating system holds on a file, so it is gone with the process,
 * however that ends; a lock file left behind locks nobody out.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { FieldlineError } from '@fieldline/shared/contracts';
import Database from 'better-sqlite3';

export type Lock = {
  readonly release: () => void;
  /** The locked file is still the one in the folder: else it keeps nobody out. */
  readonly isInPlace: () => boolean;
};

/** @throws FieldlineError journal/in-use; SqliteError or TypeError where the folder cannot be written */
export function lockFolder(folder: string): Lock {
  const file = join(folder, 'lock');
  const inode = (): number | undefined => statSync(file, { throwIfNoEntry: false })?.ino;
  const database = new Database(file, { timeout: 0 });
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
  const locked = inode();
  return {
    release: () => void database.close(),
    isInPlace: () => locked !== undefined && inode() === locked,
  };
}
