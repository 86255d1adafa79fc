import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFrame } from '../../src/contracts/zstd-frames.ts';

/** As the decoder reads: zlib decides what we leave to it. */
const read = (frame: Buffer): Buffer => readFrame(frame) ?? zstdDecompressSync(frame);
const outcome = (work: () => Buffer): string => {
  try {
    return work().toString('latin1');
  } catch (error) {
    return String(error);
  }
};

describe('frames read through one decompressor', () => {
  it('are read without zlib making another one', () => {
    const content = Buffer.from(JSON.stringify(Array.from({ length: 5_000 }, (_, n) => n)));
    for (let n = 0; n < 3; n++) expect(readFrame(zstdCompressSync(content))?.equals(content)).toBe(true);
  });

  it('have the same content, or the same error, as zlib gives, whatever was read before', () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 2_000 }),
      fc
        .array(fc.constantFrom('a', 'bb', '"plc"', '0,'), { maxLength: 60_000 })
        .map((parts) => Buffer.from(parts.join(''))),
    );
    const damage = fc.oneof(
      { weight: 3, arbitrary: fc.constant((frame: Buffer) => frame) },
      fc.nat(1_000).map((cut) => (frame: Buffer) => frame.subarray(0, Math.max(4, frame.length - 1 - cut))),
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => (frame: Buffer) => {
        const copy = Buffer.from(frame);
        const place = 4 + (at % (copy.length - 4));
        copy[place] = (copy[place] as number) ^ bits;
        return copy;
      }),
      fc.constant((frame: Buffer) => Buffer.concat([frame, frame])),
      fc.constant((frame: Buffer) => Buffer.concat([frame, Buffer.from('more')])),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(content, damage), { minLength: 1, maxLength: 6 }), (frames) => {
        for (const [bytes, harm] of frames) {
          const frame = harm(zstdCompressSync(bytes));
          expect(outcome(() => read(frame))).toBe(outcome(() => zstdDecompressSync(frame)));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('leave to zlib a frame that does not say that its last block is the last', () => {
    const content = Buffer.alloc(9);
    const frame = zstdCompressSync(content);
    const lastBlockAt = frame.indexOf(Buffer.from('490000', 'hex'), 4);
    expect(lastBlockAt).toBeGreaterThan(0);
    frame.writeUInt8(0x48, lastBlockAt);
    expect(readFrame(frame)).toBeNull();
    expect(readFrame(zstdCompressSync(Buffer.alloc(5_000, 'after'))) ?? null).not.toBeNull();
  });

  it('leave to zlib what is too large, and what does not say its size', () => {
    const large = zstdCompressSync(Buffer.alloc(300_000));
    expect(readFrame(large)).toBeNull();
    expect(read(large)).toHaveLength(300_000);
    expect(readFrame(Buffer.from('28b52ffd', 'hex'))).toBeNull();
  });
});
