/**
 * Whether the end of a write-ahead log is the end of what was committed. SQLite takes a log for ended at the first frame that is not
 * as it was written: zeros in its last commits look to it like none. As it was written, a log ends with a whole commit, and behind
 * that comes nothing, or what a former round left.
 */
import { statSync } from 'node:fs';
import { logOf } from '../segment-files.ts';
import { ByteFile } from './byte-file.ts';
import {
  frameHeaderBytes,
  frameOffsets,
  headerBytes,
  isBigEndian,
  isHeaderWhole,
  isSame,
  noSalt,
  saltIn,
  saltOf,
  storedSum,
  sumOf,
} from './write-ahead-log.ts';

/** Of the file format of SQLite, 1.3.3. */
const versionOffset = 18;
const withoutLog = 1;

/** Whether nothing was committed to a file behind what SQLite reads of it. Before SQLite opens it. @throws a system error */
export function isEndProven(file: string): boolean {
  const log = ByteFile.open(logOf(file));
  try {
    return log === null || log.size === 0 ? isFolded(file) : isWholeFromStart(wholeEnd(log));
  } finally {
    log?.close();
  }
}

/** Whether somebody deleted its log, and the time of the last write with it. @throws a system error */
export const isLogMissing = (file: string): boolean =>
  statSync(logOf(file), { throwIfNoEntry: false }) === undefined && !isFolded(file);

/** Its log was folded in for good: that is gone because it shall be. */
function isFolded(path: string): boolean {
  const file = ByteFile.open(path);
  try {
    return file?.bytes(versionOffset, 1)?.[0] === withoutLog;
  } finally {
    file?.close();
  }
}

/** Whole commits, one after the other, up to the end of a log: between these two places. All that was committed since `from` is there. */
export type WholeEnd = { readonly from: number; readonly to: number };

/** null where a log does not end as it was written, or its header does not say which frames are of its last round. */
export function wholeEnd(log: ByteFile): WholeEnd | null {
  const header = log.bytes(0, headerBytes);
  if (header === null || !isHeaderWhole(log)) return null;
  const [own, pageBytes, bigEndian] = [saltOf(log), header.readUInt32BE(8), isBigEndian(header)];
  let before = storedSum(header);
  let [from, to]: [number | null, number] = [headerBytes, headerBytes];
  let endsCommit = true;
  let others: string[] = [];
  for (const offset of frameOffsets(log, pageBytes)) {
    const frame = log.bytes(offset, frameHeaderBytes + pageBytes);
    if (frame === null) return null;
    const salt = saltIn(frame);
    const isWhole = salt === own && others.length === 0 && isSame(sumOf(frame, before, bigEndian), storedSum(frame));
    before = storedSum(frame);
    if (salt !== own) {
      others.push(salt);
      continue;
    }
    others = [];
    to = offset + frame.length;
    endsCommit = isWhole && frame.readUInt32BE(4) !== 0;
    if (!isWhole) from = null;
    else if (from === null && endsCommit) from = to;
  }
  const isEnd = others.length === 0 ? to === log.size : isFormerRound(others);
  return from !== null && endsCommit && isEnd ? { from, to } : null;
}

/** Whether SQLite, which reads up to the first frame that is not as it was written, finds all that was committed. */
const isWholeFromStart = (end: WholeEnd | null): boolean => end?.from === headerBytes;

/** Whether whole commits come behind a frame that is broken. */
export function endsBehindBreak(log: ByteFile): boolean {
  const end = wholeEnd(log);
  return end !== null && end.from > headerBytes && end.from < end.to;
}

/** One frame alone may be one of the last round, with a broken salt. */
const isFormerRound = ([first, second]: readonly string[]): boolean => first !== noSalt && first === second;
