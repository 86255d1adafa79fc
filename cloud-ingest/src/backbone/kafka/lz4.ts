/** LZ4 as Kafka's producers write it: the frame and the blocks in it (lz4/doc, lz4_Frame_format.md, lz4_Block_format.md). */
import { Output } from './output.ts';

const magic = 0x184d2204;
const headerBytes = 7;
const contentSizeBytes = 8;
const dictionaryBytes = 4;
const flags = { dictionary: 0x01, contentSize: 0x08, blockChecksum: 0x10 } as const;
const notCompressed = 0x80000000;

/** Checksums are not looked at: TCP and the broker have. @throws RangeError when it is not LZ4, or becomes more than `maxBytes` */
export function readLz4(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.readUInt32LE(0) !== magic) throw new RangeError('compressed data are not an LZ4 frame');
  const flag = bytes.readUInt8(4);
  const output = new Output(bytes.length * 3, maxBytes);
  let at =
    headerBytes +
    ((flag & flags.contentSize) === 0 ? 0 : contentSizeBytes) +
    ((flag & flags.dictionary) === 0 ? 0 : dictionaryBytes);
  for (;;) {
    const word = bytes.readUInt32LE(at);
    at += 4;
    if (word === 0) return output.written();
    const size = word % notCompressed;
    if (word >= notCompressed) output.literal(bytes, at, size);
    else readBlock(bytes.subarray(at, at + size), output);
    at += size + ((flag & flags.blockChecksum) === 0 ? 0 : 4);
  }
}

function readBlock(block: Buffer, output: Output): void {
  let at = 0;
  /** A nibble of 15 goes on in the bytes that follow, up to the first that is not 255. */
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; ) {
      byte = block.readUInt8(at++);
      length += byte;
    }
    return length;
  };
  while (at < block.length) {
    const token = block.readUInt8(at++);
    const literals = lengthFrom(token >>> 4);
    output.literal(block, at, literals);
    at += literals;
    // The last sequence is literals alone.
    if (at >= block.length) return;
    const distance = block.readUInt16LE(at);
    at += 2;
    output.repeat(distance, lengthFrom(token & 15) + 4);
  }
}
