import { EventEmitter } from 'node:events';
import type { Channel } from '../channels/channel.ts';

/** Unit id in the answers of a device: that which was asked (null), another, or whichever. */
export type AnswersAs = number | 'any' | null;

export type PortParts = {
  readonly channel: Channel;
  /** Called for each late reply, or piece of one; whether that is the first sign that replies come twice. */
  readonly onLate: (isFirstOfDoubling: boolean) => void;
  /** What the device says without being asked, between frames: skipped. */
  readonly unasked?: readonly Buffer[];
};

export const crcBytes = 2;

/**
 * What modbus-serial calls a port: it is written whole requests (RTU frames) and emits whole replies (RTU frames) as `data`.
 * Where the reply to the open request has come and cannot be read, it emits `damaged`: the request is no longer open then.
 *
 * We bring our own because those of the library take a late reply for the next one: on TCP and UDP once its 256 transaction
 * ids have come round, on a line at once, for they keep what came after a time-out. Ours hold these invariants:
 *   - one request is open at a time; a reply is emitted only while its request is open, and once;
 *   - what arrives at any other time is counted and thrown away;
 *   - what cannot be a frame on a stream that states its lengths ends the channel, for nothing after it can be trusted.
 */
export abstract class FramePort extends EventEmitter {
  /** Where the library looks for the open transaction: there is one at a time, so they stay as it sets them. */
  _transactionIdRead = 1;
  _transactionIdWrite = 1;
  /** Of the device that is asked next. */
  answersAs: AnswersAs = null;
  protected readonly channel: Channel;
  protected readonly onLate: PortParts['onLate'];
  protected received: Buffer = Buffer.alloc(0);
  private readonly unasked: readonly Buffer[];

  constructor({ channel, onLate, unasked = [] }: PortParts) {
    super();
    this.channel = channel;
    this.onLate = onLate;
    this.unasked = unasked;
  }

  get isOpen(): boolean {
    return this.channel.isOpen();
  }

  /** Bytes that have come without making a reply. */
  get pendingBytes(): number {
    return this.received.length;
  }

  /** Whether these are a reply to the open request, and all of it, but one that cannot be read. */
  get isDamaged(): boolean {
    return false;
  }

  open(opened: () => void): void {
    this.channel.onBytes((bytes) => this.receive(bytes));
    opened();
  }

  abstract write(request: Buffer): void;
  /** The open request is given up: its reply, should it still come, is late. */
  abstract abandon(): void;
  /** Whether a reply tells which request it belongs to. */
  abstract readonly tellsReplies: boolean;
  /** Whether a reply that is still on its way could be taken for that of the next request. */
  abstract get unsettled(): boolean;
  /** Resolves when it no longer could. */
  abstract settle(): Promise<void>;
  protected abstract receive(chunk: Buffer): void;

  /** What is left of these bytes, which begin where a frame may begin, without what the device says unasked. */
  protected skipUnasked(bytes: Buffer): Buffer {
    const said = this.unasked.find(
      (text) => bytes.length >= text.length && bytes.subarray(0, text.length).equals(text),
    );
    if (said === undefined) return bytes;
    let from = said.length;
    while (bytes[from] === 0x0d || bytes[from] === 0x0a) from += 1;
    return this.skipUnasked(bytes.subarray(from));
  }
}

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** CRC of Modbus over Serial Line v1.02, 6.2.2, over bytes `from` ≤ n < `to`. */
export function crc16(bytes: Buffer, from: number, to: number): number {
  let crc = 0xffff;
  for (let n = from; n < to; n++) crc = (crc >> 8) ^ (crcTable[(crc ^ (bytes[n] ?? 0)) & 0xff] ?? 0);
  return crc;
}

/** Unit id and PDU as the library wants them: with the checksum of a serial line, and as said by the unit that was asked. */
export function asRtuFrame(adu: Buffer, unit: number): Buffer {
  const frame = Buffer.allocUnsafe(adu.length + crcBytes);
  adu.copy(frame);
  frame.writeUInt8(unit, 0);
  return sealed(frame);
}

/** Unit id and PDU with the checksum of a serial line. */
export const rtuFrame = (adu: Buffer): Buffer => sealed(Buffer.concat([adu, Buffer.alloc(crcBytes)]));

function sealed(frame: Buffer): Buffer {
  const length = frame.length - crcBytes;
  frame.writeUInt16LE(crc16(frame, 0, length), length);
  return frame;
}
