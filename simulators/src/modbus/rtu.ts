/**
 * Modbus RTU. The standard separates frames by 3.5 characters of silence, which no program sees through an adapter, a pty
 * or TCP; so a frame is taken by the length that its function code tells, together with its checksum. Bytes that begin no
 * frame are skipped; silence only ends frames of functions that we do not know, and clears what is left.
 */
import type { Framing, Request } from './framing.ts';

const shortest = 4;
const longest = 256;

export function createRtuFraming(): Framing {
  let waiting: Buffer = Buffer.alloc(0);
  const take = (length: number): Request => {
    const frame = waiting.subarray(0, length);
    waiting = waiting.subarray(length);
    return requestOf(frame);
  };
  return {
    push: (bytes) => {
      waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
    },
    next: () => {
      for (let start = 0; waiting.length - start >= shortest; start++) {
        const rest = waiting.subarray(start);
        const length = lengthOf(rest);
        // A function that we do not know may still be a frame: silence tells where it ends, unless another follows.
        if (length === null) continue;
        if (rest.length < length) break;
        if (!hasChecksum(rest.subarray(0, length))) continue;
        waiting = rest;
        return take(length);
      }
      if (waiting.length > 2 * longest) waiting = waiting.subarray(-longest);
      return null;
    },
    get size() {
      return waiting.length;
    },
    silence: () => {
      for (; waiting.length >= shortest; waiting = waiting.subarray(1)) {
        const length = lengthOf(waiting) ?? waiting.length;
        if (length <= waiting.length && hasChecksum(waiting.subarray(0, length))) return take(length);
      }
      waiting = Buffer.alloc(0);
      return null;
    },
  };
}

/** Of a request with unit and checksum; null where its function is unknown or its length not yet there. */
function lengthOf(bytes: Buffer): number | null {
  const functionCode = bytes[1] ?? 0;
  if (functionCode >= 1 && functionCode <= 6) return 8;
  if (functionCode === 20) return bytes.length < 3 ? 12 : 5 + (bytes[2] ?? 0);
  if (functionCode === 22) return 10;
  if (functionCode === 23) return bytes.length < 11 ? 13 : 13 + (bytes[10] ?? 0);
  if (functionCode === 15 || functionCode === 16) return bytes.length < 7 ? 9 : 9 + (bytes[6] ?? 0);
  return null;
}

const requestOf = (frame: Buffer): Request => ({
  unit: frame[0] ?? 0,
  pdu: frame.subarray(1, -2),
  reply: (pdu) => {
    const bytes = Buffer.allocUnsafe(pdu.length + 3);
    bytes[0] = frame[0] ?? 0;
    pdu.copy(bytes, 1);
    bytes.writeUInt16LE(checksum(bytes.subarray(0, -2)), pdu.length + 1);
    return bytes;
  },
});

const hasChecksum = (frame: Buffer): boolean =>
  checksum(frame.subarray(0, -2)) === frame.readUInt16LE(frame.length - 2);

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/** CRC-16, polynomial 0xA001 reflected, from 0xFFFF; the low byte goes first (MODBUS over Serial Line v1.02, 6.2.2). */
export function checksum(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}
