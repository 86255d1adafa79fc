/** The write-ahead log of a segment that is written: how large it becomes, and how its commits get to the medium. */
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
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
  /** Its commits shall survive a power cut. */
  shallBeForced = false;
  private readonly file: string;
  private descriptor: number | undefined;
  /** A commit is forced when it is among the first so many. */
  private commits = 0;
  private forced = 0;
  private forcing = 0;

  constructor(segment: string) {
    this.file = logOf(segment);
  }

  wasCommitted(): void {
    if (this.shallBeForced) this.commits += 1;
  }

  get isUnforced(): boolean {
    return this.forced < this.commits;
  }

  /** What was committed is on the medium when it returns. @throws a system error; nobody knows then */
  force(): void {
    if (!this.isUnforced) return;
    fdatasyncSync(this.opened());
    this.forced = this.commits;
  }

  /** As `force`, beside the event loop. */
  async forceBeside(): Promise<void> {
    const { commits } = this;
    const descriptor = this.opened();
    this.forcing += 1;
    try {
      await promisify(fdatasync)(descriptor);
      this.forced = Math.max(this.forced, commits);
    } finally {
      this.forcing -= 1;
      if (this.descriptor !== descriptor && this.forcing === 0) closeSync(descriptor);
    }
  }

  /** What it had is in the file, and on the medium. */
  wasFolded(): void {
    this.forced = this.commits;
  }

  /** A descriptor that is being forced is closed when that is done: its number may be another file's before. */
  close(): void {
    if (this.descriptor !== undefined && this.forcing === 0) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private opened(): number {
    this.descriptor ??= openSync(this.file, 'r+');
    return this.descriptor;
  }
}
