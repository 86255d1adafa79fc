/** Read File Record (Application Protocol v1.1b3, 6.14). Pure. */
import { placeBytes, recordAt, recordHeadBytes } from '@fieldline/shared/config/modbus-file';
import type { Span } from './blocks.ts';
import { crcBytes, rtuFrame } from './ports/frame-port.ts';
import { nonsense, type Reply } from './reply.ts';

const readFileCode = 0x14;
const referenceType = 6;
/** Unit id, function code, byte count. */
const headBytes = 3;

/** As the library gives its requests to a port: with the checksum of a serial line. */
export function fileRequestFrame(unit: number, stretches: readonly Span[]): Buffer {
  const adu = Buffer.alloc(headBytes + stretches.length * placeBytes);
  adu.set([unit, readFileCode, stretches.length * placeBytes]);
  for (const [position, { first, count }] of stretches.entries()) {
    const at = headBytes + position * placeBytes;
    const { file, record } = recordAt(first);
    adu.writeUInt8(referenceType, at);
    adu.writeUInt16BE(file, at + 1);
    adu.writeUInt16BE(record, at + 3);
    adu.writeUInt16BE(count, at + 5);
  }
  return rtuFrame(adu);
}

export function fileReply(frame: Buffer, unit: number, stretches: readonly Span[]): Reply {
  if (frame[0] !== unit) return nonsense;
  if (frame[1] === (readFileCode | 0x80)) return { kind: 'exception', code: frame[2] ?? 0 };
  const data = frame[1] === readFileCode ? recordsIn(frame, stretches) : null;
  return data === null ? nonsense : { kind: 'data', data };
}

/** The records of all stretches, one behind the other; null where the frame is no such answer, in any of its parts. */
function recordsIn(frame: Buffer, stretches: readonly Span[]): Buffer | null {
  const bytes = answerBytes(stretches);
  if (frame.length !== headBytes + bytes + crcBytes || frame[2] !== bytes) return null;
  const parts: Buffer[] = [];
  let at = headBytes;
  for (const { count } of stretches) {
    const size = count * 2;
    if (frame[at] !== size + 1 || frame[at + 1] !== referenceType) return null;
    parts.push(frame.subarray(at + recordHeadBytes, at + recordHeadBytes + size));
    at += recordHeadBytes + size;
  }
  return Buffer.concat(parts);
}

const answerBytes = (stretches: readonly Span[]): number =>
  stretches.reduce((sum, { count }) => sum + recordHeadBytes + count * 2, 0);

/** Of request and answer together. */
export const fileFrameBytes = (stretches: readonly Span[]): number =>
  2 * (headBytes + crcBytes) + stretches.length * placeBytes + answerBytes(stretches);
