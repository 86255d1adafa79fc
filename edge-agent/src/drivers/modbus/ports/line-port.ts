import { setImmediate as readPending, setTimeout as sleep } from 'node:timers/promises';
import { asRtuFrame, crcBytes, FramePort, type PortParts } from './frame-port.ts';

/** Serial adapters hand bytes on up to 16 ms late, gateways later still. */
export const minQuietMs = 50;
/** On a line that is never quiet the checksum must do. */
const maxSettleMs = 1_000;

/** The reply that is waited for. */
export type Expected = { readonly unit: number; readonly code: number };

export type Line = {
  /** What ends a frame, where there is a baud rate. */
  readonly silenceMs: number;
  /** How long bytes that have arrived may take to get here, because they come by way of another thread. */
  readonly graceMs: number;
};

/** No reply to these holds its request: what an adapter gives back is told by its bytes. */
const distinctCodes: readonly number[] = [0x01, 0x02, 0x03, 0x04, 0x0f, 0x10, 0x14, 0x17];
/** The reply to these is the request once more: what an adapter gives back is told by its place alone. */
const repeatedCodes: readonly number[] = [0x05, 0x06, 0x16];

/**
 * A line on which a reply carries neither an id nor an address, be it serial or a stream behind a gateway: the reply belongs to
 * the open request if unit, function and checksum fit. So whatever comes while no request is open is thrown away, and after a
 * request was given up the next one waits until the line has been quiet. User space cannot see silences of 1.5 or 3.5
 * characters: frames are told by their length and checksum, and noise before them is skipped.
 */
export abstract class LinePort extends FramePort {
  private readonly quietMs: number;
  private readonly graceMs: number;
  private expected: Expected | null = null;
  private asked = 0;
  /** What an adapter that hears itself gives back of the open request; null: it has, or it is not looked for. */
  private echo: Buffer | null = null;
  /** Whether the adapter hears itself, as the last request showed whose reply cannot be taken for it. */
  private hearsItself = false;
  /** When the last byte came since a request was given up, in ms of the monotonic clock; null: nothing is owed. */
  private heardAtMs: number | null = null;

  constructor(parts: PortParts, { silenceMs, graceMs }: Line) {
    super(parts);
    this.quietMs = Math.max(minQuietMs, silenceMs);
    this.graceMs = graceMs;
  }

  write(request: Buffer): void {
    this.received = Buffer.alloc(0);
    this.asked = request[0] ?? 0;
    this.expected = {
      unit: typeof this.answersAs === 'number' ? this.answersAs : this.asked,
      code: request[1] ?? 0,
    };
    const frame = this.encode(request);
    this.echo = this.comesBack(this.expected.code) ? frame : null;
    this.channel.write(frame);
  }

  abandon(): void {
    this.expected = null;
    this.heardAtMs = performance.now();
  }

  get unsettled(): boolean {
    return this.heardAtMs !== null;
  }

  async settle(): Promise<void> {
    const giveUpAtMs = performance.now() + maxSettleMs;
    while (this.heardAtMs !== null) {
      const heardAtMs = this.heardAtMs;
      const untilMs = Math.min(heardAtMs + this.quietMs, giveUpAtMs);
      await sleep(Math.max(this.graceMs, untilMs - performance.now()));
      // What came while the event loop was held up is read before the line counts as quiet.
      await readPending();
      if (heardAtMs === this.heardAtMs || untilMs === giveUpAtMs || !this.isOpen) this.heardAtMs = null;
    }
  }

  protected receive(chunk: Buffer): void {
    const bytes = this.received.length === 0 ? this.skipUnasked(chunk) : chunk;
    if (bytes.length === 0) return;
    if (this.expected === null) {
      if (this.heardAtMs !== null) this.heardAtMs = performance.now();
      this.onLate();
      return;
    }
    const all = this.afterEcho(Buffer.concat([this.received, bytes]));
    const reply = this.find(all, this.expected);
    this.received = all.subarray(-this.maxFrameBytes);
    if (reply === null) return;
    if (distinctCodes.includes(this.expected.code)) this.hearsItself = this.echo === null;
    this.expected = null;
    this.received = Buffer.alloc(0);
    this.emit('data', asRtuFrame(reply, this.asked));
  }

  /** A read goes before every write, so it is known by then. */
  private comesBack(code: number): boolean {
    return distinctCodes.includes(code) || (this.hearsItself && repeatedCodes.includes(code));
  }

  /** The request as it comes back could pass for a reply: of 24 coils from 768 on, it has all that one of them has. */
  private afterEcho(bytes: Buffer): Buffer {
    const at = this.echo === null ? -1 : bytes.indexOf(this.echo);
    if (this.echo === null || at === -1) return bytes;
    const rest = bytes.subarray(at + this.echo.length);
    this.echo = null;
    return rest;
  }

  protected abstract readonly maxFrameBytes: number;
  /** The frame of this line for a request that ends with an RTU checksum. */
  protected abstract encode(request: Buffer): Buffer;
  /** Unit id and PDU of the first whole reply to what is open, wherever it begins; null while there is none. */
  protected abstract find(bytes: Buffer, expected: Expected): Buffer | null;
}

export const withoutChecksum = (request: Buffer): Buffer => request.subarray(0, request.length - crcBytes);
