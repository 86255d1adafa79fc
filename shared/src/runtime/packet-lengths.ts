/**
 * `mqtt-packet`, the encoder of the library `mqtt`, keeps the bytes of each packet length that it has written, up to 16,383. Each
 * is a slice of whatever slab of Node's buffer pool was in use at that moment: a program that meets the lengths one by one,
 * between other buffers, holds a slab of 64 KiB for nearly every one of them, hundreds of megabytes in the end. Written one
 * after the other, they all lie in a few.
 */

type Packet = { readonly cmd: 'publish'; readonly topic: string; readonly payload: Buffer };
type Sink = { readonly write: (bytes: unknown) => boolean };
/** `require('mqtt-packet').writeToStream`. */
export type WriteToStream = { (packet: Packet, stream: Sink): unknown; cacheNumbers: boolean };

const lengthsKept = 16_384;
/** Made at once, where not all are. */
const lengthsInBlock = 2_048;
const topic = 't';
/** Two bytes of its length, and itself. */
const topicBytes = 3;
const nowhere: Sink = { write: () => true };

/** All of them, once in a program, before its first connection: some 10 ms and 2 MB. */
export function warmPacketLengths(writeToStream: WriteToStream): void {
  warm(writeToStream, 0, lengthsKept);
}

/** For a program that writes packets of few sizes: the lengths near those that it needs, a block at a time. */
export class PacketLengths {
  private readonly writeToStream: WriteToStream;
  private readonly warmed = new Set<number>();

  constructor(writeToStream: WriteToStream) {
    this.writeToStream = writeToStream;
  }

  /** To be told before a packet is written of which no more is known than that it has at least and at most so many bytes. */
  expect(least: number, most: number): void {
    const last = Math.floor(Math.min(most, lengthsKept - 1) / lengthsInBlock);
    for (let block = Math.floor(least / lengthsInBlock); block <= last; block++) {
      if (this.warmed.has(block)) continue;
      this.warmed.add(block);
      warm(this.writeToStream, block * lengthsInBlock, (block + 1) * lengthsInBlock);
    }
  }
}

/** Lengths `from` ≤ n < `to`. */
function warm(writeToStream: WriteToStream, from: number, to: number): void {
  const { cacheNumbers } = writeToStream;
  // Else it makes a buffer for each 16-bit number, 9 MB, for whoever writes one.
  writeToStream.cacheNumbers = false;
  const payload = Buffer.alloc(to);
  for (let length = Math.max(from, topicBytes + 1); length < to; length++)
    writeToStream({ cmd: 'publish', topic, payload: payload.subarray(0, length - topicBytes) }, nowhere);
  writeToStream.cacheNumbers = cacheNumbers;
}
