import { setImmediate as readPending, setTimeout as sleep } from 'node:timers/promises';
import { asRtuFrame, crcBytes, FramePort, type PortParts } from './frame-port.ts';
import type { LineMemory } from './line-memory.ts';
import { type Layout, type Outline, outlineOf, type Trace, traceOf } from './trace.ts';

/** Serial adapters hand bytes on up to 16 ms late, gateways later still. */
export const minQuietMs = 50;
/** On a line that is never quiet the checksum must do. */
const maxSettleMs = 1_000;
/** After the first replies of a connection it is looked whether they come twice: where all do, no value is wrong then. */
const probation = 5;
/** A timer this late says that the event loop was held up. */
const heldMs = 5;

const nothing = Buffer.alloc(0);

/** The reply that is waited for. */
export type Expected = { readonly unit: number; readonly code: number };

/** Unit id and PDU of a reply, and what follows it. */
export type Found = { readonly adu: Buffer; readonly rest: Buffer };

export type Line = {
  /** What ends a frame, where there is a baud rate. */
  readonly silenceMs: number;
  /** How long bytes that have arrived may take to get here, because they come by way of another thread. */
  readonly graceMs: number;
  /** How long a frame may pause within itself. */
  readonly gapMs: number;
};

/** No reply to these holds its request: what an adapter gives back is told by its bytes. */
const distinctCodes: readonly number[] = [0x01, 0x02, 0x03, 0x04, 0x0f, 0x10, 0x14, 0x17];
/** The reply to these is the request once more: what an adapter gives back is told by its place alone. */
const repeatedCodes: readonly number[] = [0x05, 0x06, 0x16];

/**
 * A line on which a reply carries neither an id nor an address, be it serial or a stream behind a gateway: the reply belongs to
 * the open request if unit, function and checksum fit. So whatever comes while no request is open is thrown away, and after a
 * request was given up the next one waits until the line has been quiet. User space cannot see silences of 1.5 or 3.5
 * characters: frames are told by their length and checksum, and noise before them is skipped. A reply that cannot be read is
 * given up as soon as the line is quiet after it, since the unit has answered.
 *
 * A reply to the last request that comes though that has its own already would pass for the reply to the next one, and each that follows
 * for that to the one after. So where one was seen, the line must be quiet before each request from then on; and after a request that
 * was sent again because its reply was damaged, as long as its first reply took, since both may be answered.
 */
export abstract class LinePort extends FramePort {
  readonly tellsReplies = false;
  private readonly quietMs: number;
  private readonly graceMs: number;
  private readonly gapMs: number;
  private readonly memory: LineMemory;
  private expected: Expected | null = null;
  /** What was expected last; null: its request was given up, and its reply may come late. */
  private answered: Expected | null = null;
  private asked = 0;
  private request: Buffer = nothing;
  private sentAtMs = 0;
  /** The request whose reply was damaged last, and how long that took. */
  private inDamage: { readonly request: Buffer; readonly tookMs: number } | null = null;
  /** How many of the next replies are waited after as if a second one came. */
  private onProbation = probation;
  /** How long a second reply to the open request may take after the first; null: there is no reason for one. */
  private secondWithinMs: number | null = null;
  /** What an adapter that hears itself gives back of the open request; null: it has, or it is not looked for. */
  private echo: Buffer | null = null;
  /** Whether the adapter hears itself, as the last request showed whose reply cannot be taken for it; null: none has. */
  private hearsItself: boolean | null = null;
  private outline: Outline | null = null;
  private trace: Trace = null;
  /** Runs while what has come may be all of a reply that cannot be read. */
  private endTimer: NodeJS.Timeout | undefined;
  /** When the last byte came since a request was given up, in ms of the monotonic clock; null: nothing is owed. */
  private heardAtMs: number | null = null;
  /** How long the line must have been quiet then. */
  private settleMs: number;

  constructor(parts: PortParts, { silenceMs, graceMs, gapMs }: Line, memory: LineMemory) {
    super(parts);
    this.memory = memory;
    this.quietMs = Math.max(minQuietMs, silenceMs);
    this.graceMs = graceMs;
    this.gapMs = Math.max(this.quietMs, gapMs);
    this.settleMs = this.quietMs;
  }

  write(request: Buffer): void {
    this.begin();
    this.asked = request[0] ?? 0;
    this.expected = {
      unit: typeof this.answersAs === 'number' ? this.answersAs : this.asked,
      code: request[1] ?? 0,
    };
    this.answered = null;
    this.secondWithinMs = this.inDamage?.request.equals(request) === true ? this.inDamage.tookMs : null;
    this.inDamage = null;
    this.request = request;
    this.sentAtMs = performance.now();
    this.outline = outlineOf(request, this.expected.unit);
    const frame = this.encode(request);
    this.echo = this.comesBack(this.expected.code) ? frame : null;
    this.channel.write(frame);
  }

  override get isDamaged(): boolean {
    return this.trace === 'whole';
  }

  abandon(): void {
    this.expected = null;
    this.begin();
    this.owes(0);
  }

  get unsettled(): boolean {
    return this.heardAtMs !== null;
  }

  async settle(): Promise<void> {
    const giveUpAtMs = performance.now() + Math.max(maxSettleMs, this.settleMs);
    while (this.heardAtMs !== null) {
      const heardAtMs = this.heardAtMs;
      const untilMs = Math.min(heardAtMs + this.settleMs, giveUpAtMs);
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
      this.onLate(this.isSecond(bytes) && this.memory.seenSecond());
      return;
    }
    const all = this.afterEcho(Buffer.concat([this.received, bytes]));
    const found = this.find(all, this.expected);
    if (found === null) {
      this.received = all.subarray(-this.maxFrameBytes);
      this.lookForDamage();
      return;
    }
    const { adu, rest, isSecond } = this.lastOf(found, this.expected);
    if (distinctCodes.includes(this.expected.code)) this.hearsItself = this.echo === null;
    this.answered = this.expected;
    this.expected = null;
    this.begin();
    this.received = rest;
    if (isSecond) this.onLate(this.memory.seenSecond());
    if (this.secondWithinMs !== null) this.owes(this.secondWithinMs);
    else if (this.memory.doubles || this.onProbation > 0) this.owes(0);
    this.onProbation = Math.max(0, this.onProbation - 1);
    this.emit('data', asRtuFrame(adu, this.asked));
  }

  /** Of replies that came together: those before the last belong to earlier requests, or are the same. */
  private lastOf(first: Found, expected: Expected): Found & { readonly isSecond: boolean } {
    let found = first;
    for (let next: Found | null = first; next !== null; next = this.find(found.rest, expected)) found = next;
    return { ...found, isSecond: found !== first };
  }

  /** Something may come yet, after so long. */
  private owes(withinMs: number): void {
    this.heardAtMs = performance.now();
    this.settleMs = this.quietMs + withinMs;
  }

  /** Whether there is, in what has come since its own reply, another one to the last request. */
  private isSecond(bytes: Buffer): boolean {
    if (this.answered === null) return false;
    this.received = Buffer.concat([this.received, bytes]).subarray(-this.maxFrameBytes);
    if (this.find(this.received, this.answered) === null) return false;
    this.received = nothing;
    this.owes(0);
    return true;
  }

  /** Nothing has come yet. */
  private begin(): void {
    clearTimeout(this.endTimer);
    this.received = nothing;
    this.trace = null;
  }

  private lookForDamage(): void {
    clearTimeout(this.endTimer);
    this.trace = this.outline !== null && this.isAfterEcho ? traceOf(this.received, this.outline, this.layout) : null;
    if (this.trace === null) return;
    const { received } = this;
    const silenceMs = this.trace === 'whole' ? this.quietMs : this.gapMs;
    const dueMs = performance.now() + silenceMs;
    // What came while the event loop was held up is read before the line counts as quiet.
    const look = (): void => void setImmediate(() => this.received === received && this.endDamaged());
    this.endTimer = setTimeout(() => {
      if (performance.now() - dueMs > heldMs) setTimeout(look, this.graceMs);
      else look();
    }, silenceMs);
  }

  private endDamaged(): void {
    if (this.expected === null) return;
    this.expected = null;
    this.inDamage = { request: this.request, tookMs: performance.now() - this.sentAtMs };
    this.begin();
    this.emit('damaged');
  }

  /** The request as it comes back, damaged, could pass for the reply. So nothing may while that is on its way, or not known. */
  private get isAfterEcho(): boolean {
    return this.hearsItself === false || (this.hearsItself === true && this.echo === null);
  }

  /** A read goes before every write, so it is known by then. */
  private comesBack(code: number): boolean {
    return distinctCodes.includes(code) || (this.hearsItself === true && repeatedCodes.includes(code));
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
  protected abstract readonly layout: Layout;
  /** The frame of this line for a request that ends with an RTU checksum. */
  protected abstract encode(request: Buffer): Buffer;
  /** The first whole reply to what is open, wherever it begins; null while there is none. */
  protected abstract find(bytes: Buffer, expected: Expected): Found | null;
}

export const withoutChecksum = (request: Buffer): Buffer => request.subarray(0, request.length - crcBytes);
