import { EventEmitter } from 'node:events';
import type { Channel } from './channel.ts';

/**
 * What modbus-serial calls a port: it is written whole requests (RTU frames) and emits whole replies (RTU frames) as `data`.
 *
 * We bring our own two because those of the library take a late reply for the next one: on TCP once its 256 transaction ids
 * have come round, on RTU at once, for they keep what came after a time-out. Ours hold these invariants:
 *   - one request is open at a time; a reply is emitted only while its request is open, and once;
 *   - what arrives at any other time is counted and thrown away;
 *   - what cannot be a frame on a stream that states its lengths ends the channel, for nothing after it can be trusted.
 */
export abstract class FramePort extends EventEmitter {
  /** Where the library looks for the open transaction: there is one at a time, so they stay as it sets them. */
  _transactionIdRead = 1;
  _transactionIdWrite = 1;
  protected readonly channel: Channel;
  /** Called for each late reply, or piece of one. */
  protected readonly onLate: () => void;
  protected received: Buffer = Buffer.alloc(0);

  constructor(channel: Channel, onLate: () => void) {
    super();
    this.channel = channel;
    this.onLate = onLate;
  }

  get isOpen(): boolean {
    return this.channel.isOpen();
  }

  /** Bytes that have come without making a reply. */
  get pendingBytes(): number {
    return this.received.length;
  }

  open(opened: () => void): void {
    this.channel.stream.on('data', (chunk: Buffer) => this.receive(chunk));
    opened();
  }

  abstract write(request: Buffer): void;
  /** The open request is given up: its reply, should it still come, is late. */
  abstract abandon(): void;
  /** Whether a reply that is still on its way could be taken for that of the next request. */
  abstract get unsettled(): boolean;
  /** Resolves when it no longer could. */
  abstract settle(): Promise<void>;
  protected abstract receive(chunk: Buffer): void;
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
