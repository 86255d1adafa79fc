/** The files of a segment: SQLite's beside its own. */
import { closeSync, fsyncSync, openSync, readdirSync, statSync, unlinkSync } from 'node:fs';

/** Without folders, whatever their names. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name);

/** The write-ahead log. */
export const logOf = (file: string): string => `${file}-wal`;

/** A segment that has no log yet. */
export const newOf = (file: string): string => `${file}.new`;

/** A segment with fewer samples, until it takes the place of the other. */
export const thinningOf = (file: string): string => `${file}.thinning`;

/** Beside the segments in `files`, those of segments that are not there, and unfinished ones: what a kill left. */
export function orphansOf(files: readonly string[]): readonly string[] {
  const all = new Set(files);
  return files.filter((file) => {
    if (/\.segment\.(?:new|thinning)(?:-(?:wal|shm|journal))?$/.test(file)) return true;
    const [, segment] = /^(.*\.segment)-(?:wal|shm|journal)$/.exec(file) ?? [];
    return segment !== undefined && !all.has(segment);
  });
}

/** 0 where it is not there. */
export const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** When it was made, and when it or its log was written last, by the clock of the time. @throws a system error where it is not there */
export function timesOf(file: string): { readonly madeAtMs: number; readonly writtenAtMs: number } {
  const { birthtimeMs, mtimeMs } = statSync(file);
  const log = statSync(logOf(file), { throwIfNoEntry: false });
  return { madeAtMs: birthtimeMs, writtenAtMs: Math.max(mtimeMs, log?.mtimeMs ?? 0) };
}

/** Names in it are on the medium when it returns. @throws a system error */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
