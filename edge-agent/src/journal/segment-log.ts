/** The write-ahead log of a segment that is written: how large it becomes, and how its commits get to the medium. */
import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { z } from 'zod';
import { logOf } from './segment-files.ts';

/** The smallest: each commit writes at least two pages again, and on average half a page more than it has. */
export const pageBytes = 512;
/** Pages in the log until it is folded in: a megabyte. */
const mostLogPages = 2_000;
/** A page and its head. */
export const fullLogBytes = mostLogPages * (pageBytes + 24);

const logRows = z.array(z.object({ log: z.int(), checkpointed: z.int() }));

/** What waits in the log to be folded in is as much as it shall be. */
export function isLogFull(database: Database.Database): boolean {
  const [state] = logRows.parse(database.pragma('wal_checkpoint(NOOP)'));
  return state !== undefined && state.log - state.checkpointed >= mostLogPages;
}

export class SegmentLog {
  private readonly file: string;
  private descriptor: number | undefined;

  constructor(segment: string) {
    this.file = logOf(segment);
  }

  /** What was committed is on the medium when it returns. */
  force(): void {
    this.descriptor ??= openSync(this.file, 'r+');
    fdatasyncSync(this.descriptor);
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}
