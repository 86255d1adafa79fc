/**
 * Zstandard frames through one decompressor for all. `zstdDecompressSync` makes one for each call, which takes longer than a
 * small batch itself, and leaves 100 kB to be collected.
 *
 * What zlib's own synchronous functions do inside is done here: `_handle.writeSync`, and its answer in `_writeState`. These are
 * not documented: where they are missing, and for every frame that is in any way unusual or broken, the answer is null, and
 * zlib does it in its own way and with its own words.
 */
import { createZstdDecompress } from 'node:zlib';

type WriteSync = (
  flush: number,
  input: Buffer,
  inputAt: number,
  inputBytes: number,
  output: Buffer,
  outputAt: number,
  outputBytes: number,
) => void;
/** `state`: bytes of room left in the output, and bytes of input not read. */
type Decompressor = { readonly write: WriteSync; readonly state: Uint32Array; readonly close: () => void };

/** Of what comes out. Larger frames are left to zlib; batches of 1,000 samples have some 40 kB. */
const maxBytes = 256 * 1024;

let decompressor: Decompressor | null | undefined;
let output: Buffer | undefined;

/** The content, valid until the next call; null: ask zlib. */
export function readFrame(frame: Buffer): Buffer | null {
  const bytes = contentBytes(frame);
  if (bytes === null || bytes === 0 || bytes > maxBytes) return null;
  if (decompressor === undefined) decompressor = open();
  if (decompressor === null) return null;
  output ??= Buffer.allocUnsafeSlow(maxBytes);
  const { write, state, close } = decompressor;
  try {
    // An error leaves the state as it was, so it must not look as after a success. It also closes the decompressor, and to write
    // to that one again would end the process: whatever is not a success is the end of it.
    state.fill(1);
    write(0, frame, 0, frame.length, output, 0, bytes);
    // A frame that was read to its end leaves the decompressor ready for the next.
    if (state[0] === 0 && state[1] === 0) return output.subarray(0, bytes);
  } catch {
    // Told by zlib.
  }
  close();
  decompressor = undefined;
  return null;
}

function open(): Decompressor | null {
  const stream: object = createZstdDecompress();
  if (!('_handle' in stream && '_writeState' in stream && 'destroy' in stream && 'on' in stream)) return null;
  const { _handle: handle, _writeState: state, destroy, on } = stream;
  if (!(state instanceof Uint32Array) || typeof handle !== 'object' || handle === null) return null;
  if (!('writeSync' in handle) || typeof handle.writeSync !== 'function') return null;
  if (typeof destroy !== 'function' || typeof on !== 'function') return null;
  // A broken frame is also an event.
  on.call(stream, 'error', () => {});
  return { write: handle.writeSync.bind(handle), state, close: () => destroy.call(stream) };
}

/**
 * What the header says of the size of the content (RFC 8878, 3.1.1.1). Null where it says nothing, or more than 4 GB, and for
 * what is not one frame from end to end: the decompressor would wait for the rest of it, and take the next frame for that.
 */
function contentBytes(frame: Buffer): number | null {
  const descriptor = frame[4];
  if (descriptor === undefined || frame.length < 18) return null;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  const size = sizeAt(frame, at, descriptor >> 6, isSingleSegment);
  return size !== null && endOfBlocks(frame, at + size.width) + (hasChecksum ? 4 : 0) === frame.length
    ? size.bytes
    : null;
}

function sizeAt(frame: Buffer, at: number, flag: number, isSingleSegment: boolean) {
  switch (flag) {
    case 0:
      return isSingleSegment ? { width: 1, bytes: frame.readUInt8(at) } : null;
    case 1:
      return { width: 2, bytes: frame.readUInt16LE(at) + 256 };
    case 2:
      return { width: 4, bytes: frame.readUInt32LE(at) };
    default:
      return null;
  }
}

const blockHeaderBytes = 3;
const runOfOneByte = 1;

/** Behind the last block (RFC 8878, 3.1.1.2); NaN where there is none. */
function endOfBlocks(frame: Buffer, from: number): number {
  for (let at = from; at + blockHeaderBytes <= frame.length; ) {
    const header = frame.readUIntLE(at, blockHeaderBytes);
    at += blockHeaderBytes + (((header >> 1) & 3) === runOfOneByte ? 1 : header >> 3);
    if ((header & 1) === 1) return at;
  }
  return Number.NaN;
}
