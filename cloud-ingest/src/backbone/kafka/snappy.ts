/**
 * Snappy as Kafka's producers write it: blocks (google/snappy, format_description.txt), as a rule in the frame of
 * snappy-java: 16 bytes of header, then each block behind its length.
 */
import { Output } from './output.ts';

const javaMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const javaHeaderBytes = 16;

/** @throws RangeError when it is not Snappy, or becomes more than `maxBytes` */
export function readSnappy(bytes: Buffer, maxBytes: number): Buffer {
  if (!bytes.subarray(0, javaMagic.length).equals(javaMagic)) return readBlock(bytes, maxBytes);
  const blocks: Buffer[] = [];
  let left = maxBytes;
  for (let at = javaHeaderBytes; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const block = readBlock(bytes.subarray(at + 4, at + 4 + size), left);
    blocks.push(block);
    left -= block.length;
    at += 4 + size;
  }
  return Buffer.concat(blocks);
}

function readBlock(bytes: Buffer, maxBytes: number): Buffer {
  let at = 0;
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes.readUInt8(at++);
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const output = new Output(size, maxBytes);
  while (at < bytes.length) {
    const tag = bytes.readUInt8(at++);
    const high = tag >>> 2;
    switch (tag & 3) {
      case 0: {
        // Up to 60 bytes are said in the tag; beyond it tells in how many bytes behind it the length stands.
        const lengthBytes = Math.max(0, high - 59);
        const count = 1 + (lengthBytes === 0 ? high : bytes.readUIntLE(at, lengthBytes));
        output.literal(bytes, at + lengthBytes, count);
        at += lengthBytes + count;
        break;
      }
      case 1:
        output.repeat(((tag >>> 5) << 8) | bytes.readUInt8(at), 4 + (high & 7));
        at += 1;
        break;
      case 2:
        output.repeat(bytes.readUInt16LE(at), 1 + high);
        at += 2;
        break;
      default:
        output.repeat(bytes.readUInt32LE(at), 1 + high);
        at += 4;
    }
  }
  const written = output.written();
  if (written.length !== size) throw new RangeError('compressed data end too early');
  return written;
}
