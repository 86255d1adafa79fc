import { crc16 } from './frame-port.ts';
import { type Expected, type Found, LinePort } from './line-port.ts';
import { echoBytes, exceptionBytes, frameBytes, type Layout, maskEchoBytes } from './trace.ts';

const layout: Layout = {
  byteAt: (bytes, from, position) => bytes[from + position],
  sizeOf: (rtuBytes) => rtuBytes,
  intactAt: (bytes, from) => {
    const code = bytes[from + 1];
    const length = code === undefined ? 0 : lengthAt(bytes, from, code & 0x7f);
    const to = from + length;
    return length > 0 && to <= bytes.length && isIntact(bytes, from, to) ? length : 0;
  },
  endsEarly: () => false,
};

/** Modbus RTU on a serial port or over TCP. */
export class RtuPort extends LinePort {
  protected readonly maxFrameBytes = 256;
  protected readonly layout = layout;

  protected encode(request: Buffer): Buffer {
    return request;
  }

  protected find(bytes: Buffer, { unit, code }: Expected): Found | null {
    for (let from = 0; from + exceptionBytes <= bytes.length; from++) {
      if (bytes[from] !== unit) continue;
      const to = from + lengthAt(bytes, from, code);
      if (to === from || to > bytes.length) continue;
      if (isIntact(bytes, from, to)) return { adu: bytes.subarray(from, to - 2), rest: bytes.subarray(to) };
    }
    return null;
  }
}

const isIntact = (bytes: Buffer, from: number, to: number): boolean =>
  crc16(bytes, from, to - 2) === bytes.readUInt16LE(to - 2);

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
