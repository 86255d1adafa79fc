import { logOf } from '../segment-files.ts';
import type { SegmentName } from '../segment-name.ts';
import { ByteFile } from './byte-file.ts';
import { likelyPageBytes, Pages } from './pages.ts';
import { provenIn } from './scan.ts';
import { commitsBehindBreak, isHeaderWhole, mayBeUnused } from './write-ahead-log.ts';

/** Whether SQLite would drop a commit of this segment that is in its log, without a word. @throws a system error */
export function hidesCommits(file: string, name: SegmentName): boolean {
  const log = ByteFile.open(logOf(file));
  if (log === null) return false;
  try {
    if (log.size === 0) return false;
    return isHeaderWhole(log) ? commitsBehindBreak(log) : !mayBeUnused(log) || isUsed(file, log, name);
  } finally {
    log.close();
  }
}

/** Behind the zeros are batches of this segment, or those of others alone. */
function isUsed(path: string, log: ByteFile, name: SegmentName): boolean {
  const file = ByteFile.open(path);
  if (file === null) return false;
  try {
    const [pageBytes, another] = likelyPageBytes(file, log);
    // As it was made it is one page, which says how large it is. What is more was folded in, from a log that had begun.
    if (pageBytes === undefined || another !== undefined || file.size !== pageBytes) return true;
    return provenIn(new Pages(file, log, pageBytes), name).rows.size > 0;
  } finally {
    file.close();
  }
}
