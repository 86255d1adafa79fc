import Database from 'better-sqlite3';

const unwritable =
  /^SQLITE_(FULL|READONLY|CANTOPEN|PERM|BUSY|LOCKED|NOMEM|IOERR_(WRITE|FSYNC|DIR_FSYNC|TRUNCATE|ACCESS|SHM))/;

/**
 * Whether an error of a segment says that this file cannot be understood. All else (no space, no rights, a disk that is
 * gone) says nothing of what the file holds: it must not be set aside.
 */
export function isDamage(error: unknown): boolean {
  if (error instanceof Database.SqliteError) return !unwritable.test(error.code);
  return !isSystemError(error);
}

/** Whether an error is one that SQLite or the operating system gave; all others are broken invariants. */
export const isDiskTrouble = (error: unknown): boolean => error instanceof Database.SqliteError || isSystemError(error);

/** What better-sqlite3 says, as a plain TypeError, where the folder of a new database is gone. */
const folderIsGone = 'Cannot open database because the directory does not exist';

const isSystemError = (error: unknown): boolean =>
  error instanceof Error && ('syscall' in error || error.message === folderIsGone);

/** What a disk that takes nothing leaves in its place is met again at the next start. */
export function whereAllowed(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!isDiskTrouble(error)) throw error;
  }
}
