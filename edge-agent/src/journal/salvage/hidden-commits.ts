import { logOf, sizeOf } from '../segment-files.ts';
import { pageBytes } from '../segment-log.ts';
import type { SegmentName } from '../segment-name.ts';
import { ByteFile } from './byte-file.ts';
import { endsBehindBreak, isEndProven } from './log-end.ts';
import { likelyPageBytes, Pages } from './pages.ts';
import { provenIn } from './scan.ts';
import { commitsBehindBreak, isHeaderWhole, mayBeUnused } from './write-ahead-log.ts';

/**
 * To be asked before SQLite opens a segment: that would throw the end of a broken log away, or the whole. Gives whether nothing was
 * committed to it behind what SQLite will read. @throws where SQLite must not open it; a system error
 */
export function checkUnopened(file: string, name: SegmentName): boolean {
  if (sizeOf(logOf(file)) > 0 && sizeOf(file) < pageBytes) throw new Error('its first page is gone');
  if (hidesCommits(file, name)) throw new Error('its write-ahead log is broken before its end');
  return isEndProven(file);
}

/** Whether SQLite would drop a commit of this segment that is in its log, without a word. @throws a system error */
export function hidesCommits(file: string, name: SegmentName): boolean {
  const log = ByteFile.open(logOf(file));
  if (log === null) return false;
  try {
    if (log.size === 0) return false;
    if (isHeaderWhole(log)) return commitsBehindBreak(log) || endsBehindBreak(log);
    return !mayBeUnused(log) || isUsed(file, log, name);
  } finally {
    log.close();
  }
}

/** Behind the zeros are batches of this segment, or those of others alone. */
function isUsed(path: string, log: ByteFile, name: SegmentName): boolean {
  const file = ByteFile.open(path);
  if (file === null) return false;
  try {
    const [likelyBytes, another] = likelyPageBytes(file, log);
    // As it was made it is one page, which says how large it is. What is more was folded in, from a log that had begun.
    if (likelyBytes === undefined || another !== undefined || file.size !== likelyBytes) return true;
    return provenIn(new Pages(file, log, likelyBytes), name).rows.size > 0;
  } finally {
    file.close();
  }
}
