import { crc16 } from './frame-port.ts';
import { type Expected, LinePort } from './line-port.ts';

/** Unit id, function code with its highest bit set, exception code, checksum. */
const exceptionBytes = 5;
/** Unit id, function code and byte count before the data, checksum after. */
const frameBytes = 5;
/** Writes are answered by unit id, function code, address, value or count, checksum. */
const echoBytes = 8;
const maskEchoBytes = 10;

/** Modbus RTU on a serial port or over TCP. */
export class RtuPort extends LinePort {
  protected readonly maxFrameBytes = 256;

  protected encode(request: Buffer): Buffer {
    return request;
  }

  protected find(bytes: Buffer, { unit, code }: Expected): Buffer | null {
    for (let from = 0; from + exceptionBytes <= bytes.length; from++) {
      if (bytes[from] !== unit) continue;
      const to = from + lengthAt(bytes, from, code);
      if (to === from || to > bytes.length) continue;
      if (crc16(bytes, from, to - 2) === bytes.readUInt16LE(to - 2)) return bytes.subarray(from, to - 2);
    }
    return null;
  }
}

/** 0: no reply to this function begins here; infinite: it does, and its length has not come yet. */
function lengthAt(bytes: Buffer, from: number, code: number): number {
  if (bytes[from + 1] === (code | 0x80)) return exceptionBytes;
  if (bytes[from + 1] !== code) return 0;
  switch (code) {
    case 0x05:
    case 0x06:
    case 0x0f:
    case 0x10:
      return echoBytes;
    case 0x16:
      return maskEchoBytes;
    case 0x2b:
      return identificationLength(bytes, from);
    default:
      return frameBytes + (bytes[from + 2] ?? 0);
  }
}

/** A number of objects follows seven bytes, each with its id and length before it (Application Protocol v1.1b3, 6.21). */
function identificationLength(bytes: Buffer, from: number): number {
  let at = from + 8;
  for (let left = bytes[from + 7] ?? Number.POSITIVE_INFINITY; left > 0; left--) {
    const length = bytes[at + 1];
    if (length === undefined) return Number.POSITIVE_INFINITY;
    at += 2 + length;
  }
  return at + 2 - from;
}
