/** The files of a segment: SQLite's beside its own. */
import { statSync, unlinkSync } from 'node:fs';

/** The write-ahead log. */
export const logOf = (file: string): string => `${file}-wal`;

/** Beside the segments in `files`, those of segments that are not there: what a kill left of a deletion. */
export function orphansOf(files: readonly string[]): readonly string[] {
  const all = new Set(files);
  return files.filter((file) => {
    const [, segment] = /^(.*\.segment)-(?:wal|shm|journal)$/.exec(file) ?? [];
    return segment !== undefined && !all.has(segment);
  });
}

/** 0 where it is not there. */
export const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

export function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
