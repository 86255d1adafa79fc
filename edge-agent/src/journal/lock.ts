/**
 * One agent per journal folder. The lock is one that the operating system holds on a file, so it is gone with the process,
 * however that ends; a lock file left behind locks nobody out. In a folder that can only be read it is shared with others
 * that only read: what two of them send, the cloud stores once.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { FieldlineError } from '@fieldline/shared/contracts';
import Database from 'better-sqlite3';

export type Lock = {
  readonly release: () => void;
  /** The locked file is still the one in the folder: else it keeps nobody out. */
  readonly isInPlace: () => boolean;
  /** False where the folder could only be read when it was taken. */
  readonly isExclusive: boolean;
};

/** @throws FieldlineError journal/in-use; SqliteError or TypeError where the folder takes no lock file and has none */
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
    // Of a file that it cannot write, SQLite takes the lock of a reader and says nothing.
    isExclusive: isWritable(file),
  };
}

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
