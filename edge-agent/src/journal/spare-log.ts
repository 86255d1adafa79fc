/**
 * The write-ahead log of a segment that went, kept for the next one. To write over what a file has costs its bytes; to let it
 * grow costs an entry in the journal of the filesystem with each commit, three times the bytes. Invariants:
 *
 * - A log that is kept begins with zeros, and they are on the medium before it has another name: SQLite takes it for empty.
 *   The commits of the former segment behind them have another salt and are never taken for those of the new one. Nor does
 *   salvage: a row proves itself for its stream and number, and the former segment has lower ones.
 * - The segment is gone from the medium before its log is touched.
 * - It is of no use to anybody but the next segment: where anything fails, that begins with an empty one.
 */
import { closeSync, fdatasyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf, syncFolder } from './segment-files.ts';

const headerBytes = 32;

export class SpareLog {
  private readonly folder: string;
  private readonly file: string;
  /** Larger ones are not kept: they would take the place of batches. */
  private readonly mostBytes: number;

  constructor(folder: string, mostBytes: number) {
    this.folder = folder;
    this.file = join(folder, 'spare-log');
    this.mostBytes = mostBytes;
  }

  get sizeBytes(): number {
    return sizeOf(this.file);
  }

  /** Takes the log of a segment whose file is deleted already. */
  keep(log: string): void {
    try {
      const bytes = sizeOf(log);
      if (bytes === 0 || bytes > this.mostBytes || bytes < this.sizeBytes) throw new Error('of no use');
      syncFolder(this.folder);
      clearHeader(log);
      renameSync(log, this.file);
    } catch {
      rmSync(log, { force: true });
    }
  }

  /** Gives it to a segment that has no log yet, or an empty one: its name is on the medium when it returns. @throws a system error */
  giveTo(log: string): void {
    try {
      if (this.sizeBytes > this.mostBytes) rmSync(this.file);
      renameSync(this.file, log);
    } catch {
      closeSync(openSync(log, 'w'));
    }
    syncFolder(this.folder);
  }

  /** False if there was none. */
  remove(): boolean {
    const isThere = this.sizeBytes > 0;
    rmSync(this.file, { force: true });
    return isThere;
  }
}

function clearHeader(log: string): void {
  const descriptor = openSync(log, 'r+');
  try {
    writeSync(descriptor, Buffer.alloc(headerBytes), 0, headerBytes, 0);
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
