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
const topic = 't';
/** Two bytes of its length, and itself. */
const topicBytes = 3;
const nowhere: Sink = { write: () => true };

/** Once in a program, before its first connection: some 10 ms and 2 MB. */
export function warmPacketLengths(writeToStream: WriteToStream): void {
  const { cacheNumbers } = writeToStream;
  // Else it makes a buffer for each 16-bit number, 9 MB, for whoever writes one.
  writeToStream.cacheNumbers = false;
  const payload = Buffer.alloc(lengthsKept);
  for (let length = topicBytes + 1; length < lengthsKept; length++)
    writeToStream({ cmd: 'publish', topic, payload: payload.subarray(0, length - topicBytes) }, nowhere);
  writeToStream.cacheNumbers = cacheNumbers;
}
