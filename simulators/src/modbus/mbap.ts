import type { Framing, Request } from './framing.ts';

/** Transaction, protocol and length; the unit is counted in the length (MODBUS Messaging on TCP/IP v1.0b, 3.1.3). */
const headerBytes = 6;
const maxLength = 254;

/** Modbus TCP. A header that can't be one ends the connection: nobody knows where the next begins. */
export function createMbapFraming(): Framing {
  let waiting: Buffer = Buffer.alloc(0);
  return {
    push: (bytes) => {
      waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
    },
    next: () => {
      if (waiting.length < headerBytes) return null;
      const length = waiting.readUInt16BE(4);
      if (waiting.readUInt16BE(2) !== 0 || length < 2 || length > maxLength) return 'broken';
      if (waiting.length < headerBytes + length) return null;
      const frame = waiting.subarray(0, headerBytes + length);
      waiting = waiting.subarray(headerBytes + length);
      return requestOf(frame);
    },
    get size() {
      return waiting.length;
    },
    silence: () => null,
  };
}

const requestOf = (frame: Buffer): Request => ({
  unit: frame[headerBytes] ?? 0,
  pdu: frame.subarray(headerBytes + 1),
  reply: (pdu) => {
    const bytes = Buffer.allocUnsafe(headerBytes + 1 + pdu.length);
    frame.copy(bytes, 0, 0, 4);
    bytes.writeUInt16BE(pdu.length + 1, 4);
    bytes[headerBytes] = frame[headerBytes] ?? 0;
    pdu.copy(bytes, headerBytes + 1);
    return bytes;
  },
});
