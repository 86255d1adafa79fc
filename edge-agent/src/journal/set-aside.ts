/** Files of the journal that nobody can read: kept beside it under another name, for whoever wants to look into them. */
import { readdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf } from './segment-files.ts';
import { damagedSuffix, isDamagedFile, type SegmentName, segmentFile } from './segment-name.ts';

export class SetAside {
  sizeBytes = 0;
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** What earlier openings left. */
  count(): void {
    this.sizeBytes = this.files().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** With its log, and what else lies beside it. @throws a system error */
  put(name: SegmentName): void {
    const file = join(this.folder, segmentFile(name));
    for (const suffix of ['', '-wal', '-shm', '-journal']) {
      const isThere = suffix === '' || statSync(`${file}${suffix}`, { throwIfNoEntry: false }) !== undefined;
      if (!isThere) continue;
      renameSync(`${file}${suffix}`, `${file}${suffix}${damagedSuffix}`);
      this.sizeBytes += sizeOf(`${file}${suffix}${damagedSuffix}`);
    }
  }

  /** False where there is none. @throws a system error */
  removeOldest(): boolean {
    const [oldest] = this.files();
    if (oldest === undefined) return false;
    unlinkSync(oldest.path);
    this.sizeBytes -= oldest.bytes;
    return true;
  }

  /** Oldest first. */
  private files(): readonly { readonly path: string; readonly bytes: number }[] {
    return readdirSync(this.folder)
      .filter(isDamagedFile)
      .sort()
      .map((file) => join(this.folder, file))
      .map((path) => ({ path, bytes: statSync(path).size }));
  }
}
