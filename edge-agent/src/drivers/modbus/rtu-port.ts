import { setTimeout as sleep } from 'node:timers/promises';
import { crc16, FramePort } from './frame-port.ts';

const maxFrameBytes = 256;
/** Unit id, function code with its highest bit set, exception code, checksum. */
const exceptionBytes = 5;
/** Unit id, function code and byte count before the data, checksum after. */
const frameBytes = 5;
/** Serial adapters hand bytes on up to 16 ms late, gateways later still. */
const quietMs = 50;
/** On a line that is never quiet the checksum must do. */
const maxSettleMs = 1_000;

/**
 * Modbus RTU on a serial port or over TCP. A reply carries neither an id nor an address: it belongs to the open request if unit,
 * function and checksum fit. So whatever comes while no request is open is thrown away, and after a request was given up the
 * next one waits until the line has been quiet. User space cannot see silences of 1.5 or 3.5 characters: frames are told by
 * their byte count and checksum, and noise before them is skipped.
 */
export class RtuPort extends FramePort {
  /** Unit and function of the open request; -1: none is open. */
  private unit = -1;
  private code = -1;
  /** When the last byte came since a request was given up, in ms of the monotonic clock; null: nothing is owed. */
  private heardAtMs: number | null = null;

  write(request: Buffer): void {
    this.received = Buffer.alloc(0);
    this.unit = request[0] ?? -1;
    this.code = request[1] ?? -1;
    this.channel.stream.write(request);
  }

  abandon(): void {
    this.unit = -1;
    this.heardAtMs = performance.now();
  }

  get unsettled(): boolean {
    return this.heardAtMs !== null;
  }

  async settle(): Promise<void> {
    const giveUpAtMs = performance.now() + maxSettleMs;
    while (this.heardAtMs !== null) {
      const nowMs = performance.now();
      const untilMs = Math.min(this.heardAtMs + quietMs, giveUpAtMs);
      if (untilMs <= nowMs || !this.isOpen) this.heardAtMs = null;
      else await sleep(untilMs - nowMs);
    }
  }

  protected receive(chunk: Buffer): void {
    if (this.unit === -1) {
      if (this.heardAtMs !== null) this.heardAtMs = performance.now();
      this.onLate();
      return;
    }
    this.received = Buffer.concat([this.received, chunk]).subarray(-maxFrameBytes);
    const frame = findFrame(this.received, this.unit, this.code);
    if (frame === null) return;
    this.unit = -1;
    this.received = Buffer.alloc(0);
    this.emit('data', frame);
  }
}

/** The first whole reply to this request, wherever it begins. */
function findFrame(bytes: Buffer, unit: number, code: number): Buffer | null {
  for (let from = 0; from + exceptionBytes <= bytes.length; from++) {
    if (bytes[from] !== unit) continue;
    const to = from + lengthAt(bytes, from, code);
    if (to === from || to > bytes.length) continue;
    if (crc16(bytes, from, to - 2) === bytes.readUInt16LE(to - 2)) return bytes.subarray(from, to);
  }
  return null;
}

/** 0: no reply to this function begins here. */
function lengthAt(bytes: Buffer, from: number, code: number): number {
  if (bytes[from + 1] === (code | 0x80)) return exceptionBytes;
  return bytes[from + 1] === code ? frameBytes + (bytes[from + 2] ?? 0) : 0;
}
