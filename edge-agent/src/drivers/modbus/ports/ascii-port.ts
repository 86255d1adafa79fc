import { type Expected, type Found, LinePort, withoutChecksum } from './line-port.ts';
import type { Layout } from './trace.ts';

const colon = 0x3a;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
/** Unit id, function code, one byte, LRC. */
const leastBytes = 4;

const layout: Layout = {
  byteAt: (bytes, from, position) => {
    const digits = bytes.toString('latin1', from + 1 + 2 * position, from + 3 + 2 * position);
    return /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
  },
  // A colon, CR and LF; the checksum is a byte shorter than that of RTU.
  sizeOf: (rtuBytes) => 2 * (rtuBytes - 1) + 3,
  intactAt: (bytes, from) => {
    const end = bytes[from] === colon ? bytes.indexOf(carriageReturn, from) : -1;
    return end !== -1 && bytes[end + 1] === lineFeed && asciiFrame(bytes, from + 1, end) !== null ? end + 2 - from : 0;
  },
  endsEarly: (bytes, from) => bytes.indexOf('\r\n', from, 'latin1') !== -1,
};

/**
 * Modbus ASCII on a serial port or over TCP (Modbus over Serial Line v1.02, 2.5.2): a colon, two digits for each byte, CR and
 * LF. A colon always begins a frame, and what is no digit ends the hope for one.
 */
export class AsciiPort extends LinePort {
  protected readonly maxFrameBytes = 513;
  protected readonly layout = layout;

  protected encode(request: Buffer): Buffer {
    const adu = withoutChecksum(request);
    const sum = Buffer.of(lrc(adu));
    return Buffer.from(`:${Buffer.concat([adu, sum]).toString('hex').toUpperCase()}\r\n`, 'latin1');
  }

  protected find(bytes: Buffer, { unit, code }: Expected): Found | null {
    for (let from = bytes.indexOf(colon); from !== -1; from = bytes.indexOf(colon, from + 1)) {
      const end = bytes.indexOf(carriageReturn, from);
      if (end === -1 || bytes[end + 1] !== lineFeed) continue;
      const frame = asciiFrame(bytes, from + 1, end);
      if (frame !== null && frame[0] === unit && ((frame[1] ?? 0) & 0x7f) === code)
        return { adu: frame, rest: bytes.subarray(end + 2) };
    }
    return null;
  }
}

/** Unit id and PDU of the digits `from` ≤ n < `to`, or null where they, or their checksum, are wrong. */
export function asciiFrame(bytes: Buffer, from: number, to: number): Buffer | null {
  const digits = bytes.toString('latin1', from, to);
  if (digits.length % 2 !== 0 || digits.length < leastBytes * 2 || !/^[0-9A-Fa-f]+$/.test(digits)) return null;
  const frame = Buffer.from(digits, 'hex');
  // The LRC makes the sum of all bytes zero.
  return lrc(frame) === 0 ? frame.subarray(0, -1) : null;
}

/** Two's complement of the sum of the bytes (6.2.1). */
export function lrc(bytes: Buffer): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return -sum & 0xff;
}
