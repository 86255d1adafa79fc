/**
 * Opens a segment to read it, whoever writes it meanwhile. Nothing in the folder is created, changed or locked in the way of
 * an agent, and a folder on a read-only disk will do.
 *
 * - A sealed segment (its header says that it has no write-ahead log) is never written again: it is opened where it lies.
 * - SQLite cannot read a log without writing beside it (`-shm`), and a reader would hold up the agent's checkpoints. So a
 *   segment with a log is copied first, and the copy is opened.
 * - The copy is whole without a lock: file first, log second, and both again should the log have begun anew meanwhile (then
 *   its first bytes differ). Whatever a checkpoint wrote to the file during the copy is in the log too, and SQLite takes from
 *   that the commits that are complete.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { checkUnopened } from '../salvage/hidden-commits.ts';
import { type SegmentName, segmentFile } from '../segment-name.ts';

export type Untouched = {
  readonly database: Database.Database;
  /** Its header says that it has a log, and there is none. */
  readonly isLogGone: boolean;
  readonly close: () => void;
};

/** A log begins anew after about a megabyte: a copy that meets that many times is one of a disk that does not keep up. */
const mostAttempts = 20;
const logHeaderBytes = 32;
/** Of the file format of SQLite, 1.3.3: 1 means a rollback journal, 2 a write-ahead log. */
const versionOffset = 18;
const withoutLog = 1;

/** null for an empty file: its first commit never came. @throws SqliteError or a system error where it cannot be read */
export function openUntouched(folder: string, name: SegmentName): Untouched | null {
  const file = join(folder, segmentFile(name));
  if (statSync(file).size === 0 && sizeOf(`${file}-wal`) === 0) return null;
  const isSealed = firstBytes(file, versionOffset + 1)?.[versionOffset] === withoutLog;
  if (isSealed && sizeOf(`${file}-journal`) === 0) {
    const database = new Database(file, { readonly: true, fileMustExist: true });
    return { database, isLogGone: false, close: () => void database.close() };
  }
  const copies = mkdtempSync(join(tmpdir(), 'fieldline-journal-'));
  const remove = (): void => rmSync(copies, { recursive: true, force: true });
  try {
    const copy = join(copies, 'segment');
    copyWithLog(file, copy);
    checkUnopened(copy, name);
    const isLogGone = !isSealed && statSync(`${copy}-wal`, { throwIfNoEntry: false }) === undefined;
    const database = new Database(copy, { fileMustExist: true });
    return {
      database,
      isLogGone,
      close: () => {
        database.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

function copyWithLog(file: string, copy: string): void {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const before = logHeader(file);
    copyBytes(file, copy);
    for (const suffix of ['-wal', '-journal']) {
      rmSync(`${copy}${suffix}`, { force: true });
      copyIfThere(`${file}${suffix}`, `${copy}${suffix}`);
    }
    if (logHeader(file) === before) return;
  }
  throw new Error('it is written faster than it can be copied: try again when there is less to do');
}

/** Up to its end as it is then: `copyFile` never ends where a file is cut shorter meanwhile, as a log is when it begins anew. */
const copyBytes = (from: string, to: string): void => writeFileSync(to, readFileSync(from));

/** null where there is no log. */
const logHeader = (file: string): string | null => firstBytes(`${file}-wal`, logHeaderBytes)?.toString('hex') ?? null;

/** null where the file has fewer, or is not there. */
function firstBytes(file: string, count: number): Buffer | null {
  if (sizeOf(file) < count) return null;
  const bytes = Buffer.alloc(count);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    return readSync(descriptor, bytes, 0, count, 0) === count ? bytes : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** A log that goes between two looks was folded into its file: its header tells. */
function copyIfThere(from: string, to: string): void {
  try {
    copyBytes(from, to);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** 0 where it is not there. */
export const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
