/**
 * The write-ahead log of a segment, as it lies there (SQLite's file format, chapter 4): a header of 32 bytes, then frames of
 * 24 bytes and a page each. SQLite reads up to the first frame whose checksum is wrong and takes the rest for garbage, without
 * a word: one flipped byte hides every batch behind it.
 */
import type { ByteFile } from './byte-file.ts';

export type Frame = { readonly page: number; readonly offset: number };

export const headerBytes = 32;
export const frameHeaderBytes = 24;
const magic = 0x377f0682;

/** Of what was zeroed. */
export const noSalt = '\0'.repeat(8);

type Sum = readonly [number, number];

/** Frames that were written since the log began anew, oldest first, whatever their checksums say: they have a salt in common. */
export type Round = readonly Frame[];

/**
 * The round that the header of the log names. Where that is broken, all that are there: the log of another segment may have
 * been taken over, whose frames lie behind those of this one.
 */
export function roundsOf(log: ByteFile, pageBytes: number): readonly Round[] {
  const all = framesBySalt(log, pageBytes);
  if (isHeaderWhole(log)) return [all.get(saltOf(log)) ?? []];
  all.delete(noSalt);
  return [...all.values()];
}

/** null where the header of the log is broken. */
export function logPageBytes(log: ByteFile): number | null {
  return isHeaderWhole(log) ? (log.bytes(8, 4)?.readUInt32BE(0) ?? null) : null;
}

/**
 * Whether a commit was written behind a frame that is broken: SQLite would drop it. A torn last commit is none: nobody was told
 * of it. What was never written of that still shows a frame of a former round. The header is whole.
 */
export function commitsBehindBreak(log: ByteFile): boolean {
  const header = log.bytes(0, headerBytes);
  if (header === null) return false;
  const [pageBytes, bigEndian, salt] = [header.readUInt32BE(8), isBigEndian(header), saltOf(log)];
  let sum = storedSum(header);
  let bySalt: ReadonlyMap<string, Round> | undefined;
  let isCommitBroken = false;
  for (const offset of frameOffsets(log, pageBytes)) {
    const frame = log.bytes(offset, frameHeaderBytes + pageBytes);
    if (frame === null) return false;
    const own = saltIn(frame);
    if (bySalt !== undefined) {
      if (isCommitBroken && own === salt) return true;
    } else {
      sum = sumOf(frame, sum, bigEndian);
      if (own === salt && isSame(sum, storedSum(frame))) continue;
    }
    const endsCommit = frame.readUInt32BE(4) !== 0;
    bySalt ??= framesBySalt(log, pageBytes);
    // A salt that no other frame has is a broken one.
    if (endsCommit && (own === salt || bySalt.get(own)?.length === 1)) isCommitBroken = true;
  }
  return false;
}

/**
 * Whether the log is as it was taken over, and nothing was committed since: its header is zeroed, and nothing else
 * (`spare-log.ts`). What zeros on a medium take is larger.
 */
export function mayBeUnused(log: ByteFile): boolean {
  const header = log.bytes(0, headerBytes);
  if (header === null || header.some((byte) => byte !== 0)) return false;
  return log.size === headerBytes || log.bytes(headerBytes, frameHeaderBytes)?.some((byte) => byte !== 0) === true;
}

export function isHeaderWhole(log: ByteFile): boolean {
  const header = log.bytes(0, headerBytes);
  if (header === null) return false;
  const found = header.readUInt32BE(0);
  if (found !== magic && found !== magic + 1) return false;
  return isSame(checksum(header.subarray(0, 24), [0, 0], isBigEndian(header)), storedSum(header));
}

/** In which order the checksums of a log take their bytes, as its header says. */
export const isBigEndian = (header: Buffer): boolean => header.readUInt32BE(0) === magic + 1;

/** The end of a header, of the log or of a frame. */
export function storedSum(bytes: Buffer): Sum {
  const at = (bytes.length === headerBytes ? headerBytes : frameHeaderBytes) - 8;
  return [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
}

/** Of a frame, as it goes on from what comes before. */
export const sumOf = (frame: Buffer, before: Sum, bigEndian: boolean): Sum =>
  checksum(frame.subarray(frameHeaderBytes), checksum(frame.subarray(0, 8), before, bigEndian), bigEndian);

export const isSame = (left: Sum, right: Sum): boolean => left[0] === right[0] && left[1] === right[1];

/** Of the round of the log that is being written, as its header says. */
export const saltOf = (log: ByteFile): string => log.bytes(16, 8)?.toString('latin1') ?? noSalt;

export const saltIn = (frameHeader: Buffer): string => frameHeader.toString('latin1', 8, 16);

function framesBySalt(log: ByteFile, pageBytes: number): Map<string, Frame[]> {
  const rounds = new Map<string, Frame[]>();
  for (const offset of frameOffsets(log, pageBytes)) {
    const header = log.bytes(offset, frameHeaderBytes);
    if (header === null) break;
    const [salt, frame] = [saltIn(header), { page: header.readUInt32BE(0), offset: offset + frameHeaderBytes }];
    const round = rounds.get(salt);
    if (round === undefined) rounds.set(salt, [frame]);
    else round.push(frame);
  }
  return rounds;
}

export function* frameOffsets(log: ByteFile, pageBytes: number): Iterable<number> {
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
