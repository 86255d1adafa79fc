/**
 * The write-ahead log of a segment, as it lies there (SQLite's file format, chapter 4): a header of 32 bytes, then frames of
 * 24 bytes and a page each. SQLite reads up to the first frame whose checksum is wrong and takes the rest for garbage, without
 * a word: one flipped byte hides every batch behind it.
 */
import { ByteFile } from './byte-file.ts';

export type Frame = { readonly page: number; readonly offset: number };

const headerBytes = 32;
const frameHeaderBytes = 24;
const magic = 0x377f0682;

type Sum = readonly [number, number];

/** Pages in the log, oldest first, whatever their checksums say; those of an earlier round of the log are left out. */
export function framesOf(log: ByteFile, pageBytes: number): Frame[] {
  const frames: Frame[] = [];
  const salt = saltOf(log);
  for (const offset of frameOffsets(log, pageBytes)) {
    const header = log.bytes(offset, frameHeaderBytes);
    if (header?.subarray(8, 16).equals(salt)) {
      frames.push({ page: header.readUInt32BE(0), offset: offset + frameHeaderBytes });
    }
  }
  return frames;
}

/** null where the header of the log is broken. */
export function logPageBytes(log: ByteFile): number | null {
  return isHeaderWhole(log) ? (log.bytes(8, 4)?.readUInt32BE(0) ?? null) : null;
}

/** Whether a commit was written behind a frame that is broken: SQLite would drop it. A torn last commit is none: nobody was told of it. */
export function hidesCommits(path: string): boolean {
  const log = ByteFile.open(path);
  if (log === null) return false;
  try {
    return log.size > 0 && (!isHeaderWhole(log) || commitsBehindBreak(log));
  } finally {
    log.close();
  }
}

function commitsBehindBreak(log: ByteFile): boolean {
  const header = log.bytes(0, headerBytes);
  if (header === null) return false;
  const [pageBytes, isBigEndian, salt] = [header.readUInt32BE(8), header.readUInt32BE(0) !== magic, saltOf(log)];
  let sum: Sum = [header.readUInt32BE(24), header.readUInt32BE(28)];
  let [isBroken, isCommitBroken] = [false, false];
  for (const offset of frameOffsets(log, pageBytes)) {
    const frame = log.bytes(offset, frameHeaderBytes + pageBytes);
    if (frame === null) return false;
    const isOfThisRound = frame.subarray(8, 16).equals(salt);
    if (isBroken) {
      if (isCommitBroken && isOfThisRound) return true;
    } else {
      sum = checksum(frame.subarray(frameHeaderBytes), checksum(frame.subarray(0, 8), sum, isBigEndian), isBigEndian);
      isBroken = !isOfThisRound || sum[0] !== frame.readUInt32BE(16) || sum[1] !== frame.readUInt32BE(20);
    }
    if (isBroken && frame.readUInt32BE(4) !== 0) isCommitBroken = true;
  }
  return false;
}

function isHeaderWhole(log: ByteFile): boolean {
  const header = log.bytes(0, headerBytes);
  if (header === null) return false;
  const found = header.readUInt32BE(0);
  if (found !== magic && found !== magic + 1) return false;
  const sum = checksum(header.subarray(0, 24), [0, 0], found === magic + 1);
  return sum[0] === header.readUInt32BE(24) && sum[1] === header.readUInt32BE(28);
}

/** Of the round of the log that is being written: a copy. Where the header is broken, that of the first frame. */
function saltOf(log: ByteFile): Buffer {
  const offset = isHeaderWhole(log) ? 16 : headerBytes + 8;
  return Buffer.from(log.bytes(offset, 8) ?? Buffer.alloc(0));
}

function* frameOffsets(log: ByteFile, pageBytes: number): Iterable<number> {
  const stride = frameHeaderBytes + pageBytes;
  for (let offset = headerBytes; offset + stride <= log.size; offset += stride) yield offset;
}

function checksum(bytes: Buffer, [first, second]: Sum, isBigEndian: boolean): Sum {
  let [one, two] = [first, second];
  for (let at = 0; at < bytes.length; at += 8) {
    const [left, right] = isBigEndian
      ? [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
      : [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    one = (one + left + two) >>> 0;
    two = (two + right + one) >>> 0;
  }
  return [one, two];
}
