/** Files of the journal that nobody can read: kept beside it under another name, for whoever wants to look into them. */
import { readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { damagedSuffix, isDamagedFile, type SegmentName, segmentFile } from './segment-name.ts';

export type DamagedFile = { readonly path: string; readonly bytes: number };

/** With its log, and what else lies beside it. @throws a system error */
export function setFileAside(folder: string, name: SegmentName): void {
  const file = join(folder, segmentFile(name));
  renameSync(file, `${file}${damagedSuffix}`);
  for (const suffix of ['-wal', '-shm', '-journal']) {
    if (statSync(`${file}${suffix}`, { throwIfNoEntry: false }) !== undefined)
      renameSync(`${file}${suffix}`, `${file}${suffix}${damagedSuffix}`);
  }
}

/** Oldest first. */
export const damagedFiles = (folder: string): readonly DamagedFile[] =>
  readdirSync(folder)
    .filter(isDamagedFile)
    .sort()
    .map((file) => join(folder, file))
    .map((path) => ({ path, bytes: statSync(path).size }));
