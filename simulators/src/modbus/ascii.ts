/**
 * Modbus ASCII (MODBUS over Serial Line v1.02, 2.5.2): a colon, two digits for each byte, CR and LF. What stands before a colon,
 * or is no frame after all, is skipped.
 */
import type { Framing, Request } from './framing.ts';

const colon = ':'.charCodeAt(0);
const longest = 513;
/** Unit id, function code, LRC. */
const leastBytes = 3;

export function createAsciiFraming(): Framing {
  let waiting: Buffer = Buffer.alloc(0);
  return {
    push: (bytes) => {
      waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
    },
    next: () => {
      for (let end = waiting.indexOf('\r\n'); end !== -1; end = waiting.indexOf('\r\n')) {
        const line = waiting.subarray(0, end);
        waiting = waiting.subarray(end + 2);
        const adu = aduOf(line.subarray(line.lastIndexOf(colon)));
        if (adu !== null) return requestOf(adu);
      }
      if (waiting.length > 2 * longest) waiting = waiting.subarray(-longest);
      return null;
    },
    get size() {
      return waiting.length;
    },
    silence: () => null,
  };
}

/** Unit id and PDU of a colon and its digits; null where these are none, or their sum is wrong. */
function aduOf(line: Buffer): Buffer | null {
  const digits = line.toString('latin1', 1);
  if (line[0] !== colon || digits.length % 2 !== 0 || !/^[0-9A-F]+$/i.test(digits)) return null;
  const bytes = Buffer.from(digits, 'hex');
  return bytes.length >= leastBytes && sumOf(bytes) === 0 ? bytes.subarray(0, -1) : null;
}

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);

const requestOf = (adu: Buffer): Request => ({
  unit: adu[0] ?? 0,
  pdu: adu.subarray(1),
  reply: (pdu) => asciiFrame(Buffer.concat([adu.subarray(0, 1), pdu])),
});

/** With the LRC, which makes the sum of all bytes zero (6.2.1). */
export const asciiFrame = (adu: Buffer): Buffer =>
  Buffer.from(
    `:${Buffer.concat([adu, Buffer.of(-sumOf(adu) & 0xff)])
      .toString('hex')
      .toUpperCase()}\r\n`,
  );
