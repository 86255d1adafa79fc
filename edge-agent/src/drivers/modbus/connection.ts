import { bytesOf, isSerialLink, type ModbusLink, modbusFraming } from '@fieldline/shared/config/modbus-link';
import { pause } from '@fieldline/shared/runtime';
import modbusSerial from 'modbus-serial';
import type { Channel } from './channels/channel.ts';
import { fileReply, fileRequestFrame } from './file-records.ts';
import { identificationCategories, identificationCode } from './identification.ts';
import { type LineTiming, lineTiming } from './line-timing.ts';
import { isAnswer } from './link-reply.ts';
import { AsciiPort } from './ports/ascii-port.ts';
import { type AnswersAs, crc16, crcBytes, type FramePort, type PortParts } from './ports/frame-port.ts';
import { LineMemory } from './ports/line-memory.ts';
import type { Line } from './ports/line-port.ts';
import { RtuPort } from './ports/rtu-port.ts';
import { TcpPort } from './ports/tcp-port.ts';
import { UdpPort } from './ports/udp-port.ts';
import { damaged, nonsense, type Reply } from './reply.ts';
import {
  dataBytes,
  type FileRequest,
  frameBytesOf,
  type IdentificationRequest,
  type ModbusRequest,
  type ReadRequest,
} from './request.ts';
import { sendWrite, type WriteRequest } from './write-request.ts';

type Finish = (reply: Reply) => void;

/** A serial line has no longer one. */
const mostBytesOfFrame = 256;
/** A timer this late says that the event loop was held up. */
const heldMs = 5;
/** The bytes of a serial port come by way of another thread. */
const serialGraceMs = 30;

/** One open channel with modbus-serial on it. One request at a time: `ask` is not called while another one runs. */
export class Connection {
  readonly ended: Promise<string>;
  private readonly client: InstanceType<typeof modbusSerial.default>;
  private readonly port: FramePort;
  private readonly channel: Channel;
  private readonly memory: LineMemory;
  private readonly timing: LineTiming;
  private readonly isSerial: boolean;
  private readonly pauseMs: number;
  /** No request is sent before, by the monotonic clock. */
  private freeAtMs: number;
  private finish: Finish | null = null;

  constructor(link: ModbusLink, channel: Channel, onLate: PortParts['onLate'], memory = new LineMemory()) {
    this.channel = channel;
    this.memory = memory;
    this.timing = lineTiming(link);
    this.isSerial = isSerialLink(link);
    this.pauseMs = Math.max(link.pauseBetweenMs, this.timing.silenceMs);
    const { silenceMs, gapMs } = this.timing;
    const line = { silenceMs, gapMs, graceMs: this.isSerial ? serialGraceMs : 0 };
    this.port = createPort(link, { channel, onLate, unasked: unaskedOf(link) }, line, memory);
    const pausedUntilMs = link.pauseAfterConnectMs === 0 ? 0 : performance.now() + link.pauseAfterConnectMs;
    this.freeAtMs = this.port.tellsReplies ? pausedUntilMs : Math.max(pausedUntilMs, memory.freeAtMs);
    this.port.on('damaged', () => this.finish?.(damaged));
    this.client = new modbusSerial.default(this.port);
    this.client.open(() => {});
    this.ended = channel.ended;
    void channel.ended.then(() => this.finish?.({ kind: 'not-connected' }));
  }

  /** Whether the next request has to wait until `settle` resolves. */
  get unsettled(): boolean {
    return this.port.unsettled;
  }

  settle(): Promise<void> {
    return this.port.settle();
  }

  /** Whether the next request has to wait until `pauseOver` resolves. */
  get isPausing(): boolean {
    return this.waitMs > 0;
  }

  /** Ends early on abort. A timer may end a millisecond early, and never does the pause. */
  async pauseOver(signal: AbortSignal): Promise<void> {
    for (let ms = this.waitMs; ms > 0 && !signal.aborted; ms = this.waitMs) await pause(Math.ceil(ms), signal);
  }

  get isOpen(): boolean {
    return this.channel.isOpen();
  }

  ask(request: ModbusRequest, answersAs: AnswersAs): Promise<Reply> {
    const timeoutMs = request.timeoutMs + this.timing.wireMs(frameBytesOf(request));
    return 'stretches' in request
      ? this.readFiles(request, timeoutMs, answersAs)
      : this.exchange(timeoutMs, answersAs, (finish) => this.send(request, finish));
  }

  /** The library asks for one stretch of a fixed length only; so it is passed over. */
  private async readFiles({ unit, stretches }: FileRequest, timeoutMs: number, answersAs: AnswersAs): Promise<Reply> {
    const take = (frame: Buffer): void => this.finish?.(fileReply(frame, unit, stretches));
    this.port.once('data', take);
    try {
      const frame = fileRequestFrame(unit, stretches);
      return await this.exchange(timeoutMs, answersAs, () => this.port.write(frame));
    } finally {
      this.port.off('data', take);
    }
  }

  /**
   * Identification of a unit, from an object on; the data are the whole PDU. Where more objects follow, the library asks on by
   * itself, and throws when that fails: so it is not told, and what the frame says is kept before it has it.
   */
  async identify({ unit, category, firstObject, timeoutMs }: IdentificationRequest): Promise<Reply> {
    let pdu: Buffer | null = null;
    const keep = (frame: Buffer): void => {
      if (frame[1] !== identificationCode || frame.length <= moreFollowsAt + crcBytes) return;
      pdu = Buffer.from(frame.subarray(1, -crcBytes));
      frame[moreFollowsAt] = 0;
      frame.writeUInt16LE(crc16(frame, 0, frame.length - crcBytes), frame.length - crcBytes);
    };
    this.port.prependListener('data', keep);
    const wireMs = this.timing.wireMs(mostBytesOfFrame);
    try {
      return await this.exchange(timeoutMs + wireMs, null, (finish) =>
        this.sendIdentify({ unit, category, firstObject }, () => pdu, finish),
      );
    } finally {
      this.port.off('data', keep);
    }
  }

  /** The time-out is ours: the library's leaves its transaction open, to be answered by whatever comes next. */
  private exchange(timeoutMs: number, answersAs: AnswersAs, send: (finish: Finish) => void): Promise<Reply> {
    if (!this.channel.isOpen()) return Promise.resolve({ kind: 'not-connected' });
    return new Promise((resolve) => {
      const dueMs = performance.now() + timeoutMs;
      const { memory } = this;
      const timer = setTimeout(() => this.timedOut(finish, dueMs), timeoutMs);
      const finish: Finish = (reply) => {
        this.finish = null;
        clearTimeout(timer);
        // After a time-out as long again, as the unit is given by this connection.
        if (!isAnswer(reply)) memory.owes(reply.kind === 'not-connected' ? dueMs : performance.now() + timeoutMs);
        this.freeAtMs = this.pauseMs === 0 ? 0 : performance.now() + this.pauseMs;
        resolve(reply);
      };
      this.finish = finish;
      this.port.answersAs = answersAs;
      send(finish);
    });
  }

  /** Ends a running request at once. */
  abort(): void {
    this.giveUp({ kind: 'aborted' });
  }

  end(reason: string): void {
    this.channel.end(reason);
  }

  /**
   * Timers run before what has arrived is read: where the event loop was held up, the reply may lie there already. So the
   * input is read once more before its absence counts.
   */
  private timedOut(finish: Finish, dueMs: number): void {
    const look = (): void => {
      setImmediate(() => {
        if (this.finish === finish) this.giveUp(this.inVain);
      });
    };
    const wasHeld = performance.now() - dueMs > heldMs;
    if (wasHeld && this.isSerial) setTimeout(look, serialGraceMs);
    else look();
  }

  private get waitMs(): number {
    return this.freeAtMs === 0 ? 0 : this.freeAtMs - performance.now();
  }

  /** What has come by now is no reply. */
  private get inVain(): Reply {
    if (this.port.isDamaged) return damaged;
    return this.port.pendingBytes > 0 ? nonsense : { kind: 'timeout' };
  }

  private giveUp(reply: Reply): void {
    if (this.finish === null) return;
    this.port.abandon();
    this.finish(reply);
  }

  private sendIdentify(
    { unit, category, firstObject }: Omit<IdentificationRequest, 'timeoutMs'>,
    pduOf: () => Buffer | null,
    finish: Finish,
  ): void {
    this.client.setID(unit);
    this.client.readDeviceIdentification(identificationCategories[category], firstObject).then(
      () => {
        const pdu = pduOf();
        if (this.finish === finish) finish(pdu === null ? nonsense : { kind: 'data', data: pdu });
      },
      (error: Error) => {
        const code = exceptionCode(error);
        if (this.finish === finish) finish(code === null ? nonsense : { kind: 'exception', code });
      },
    );
  }

  /** The library checks unit, function and length of the frame; the byte count that the frame itself states is checked here. */
  private send(request: ReadRequest | WriteRequest, finish: Finish): void {
    if ('write' in request) {
      this.sendWrite(request, finish);
      return;
    }
    const { unit, table, first, count, exchange } = request;
    const sizeBytes = dataBytes(request);
    const answered = (error: Error | null, result: { readonly buffer: Buffer } | undefined): void => {
      if (this.finish !== finish) return;
      const code = exceptionCode(error);
      if (code !== null) finish({ kind: 'exception', code });
      else if (error !== null || result?.buffer.length !== sizeBytes) finish(nonsense);
      else finish({ kind: 'data', data: result.buffer });
    };
    if (exchange !== undefined) {
      const { words, first: writtenFirst } = exchange;
      this.client.writeFC23(unit, first, count, writtenFirst, words.length, [...words], (error, read) =>
        answered(error, read === undefined ? undefined : { buffer: bytesOfWords(read.data) }),
      );
      return;
    }
    switch (table) {
      case 'coil':
        this.client.writeFC1(unit, first, count, answered);
        break;
      case 'discrete':
        this.client.writeFC2(unit, first, count, answered);
        break;
      case 'holding':
        this.client.writeFC3(unit, first, count, answered);
        break;
      case 'input':
        this.client.writeFC4(unit, first, count, answered);
        break;
    }
  }

  private sendWrite(request: WriteRequest, finish: Finish): void {
    sendWrite(this.client, request, (error, isEcho) => {
      if (this.finish !== finish) return;
      const code = exceptionCode(error);
      if (code !== null) finish({ kind: 'exception', code });
      else finish(error === null && isEcho ? { kind: 'data', data: noData } : nonsense);
    });
  }
}

/** Of an RTU frame that holds an identification: whether more follows. */
const moreFollowsAt = 5;

const noData = Buffer.alloc(0);

/** The library gives what function 23 has read as numbers. */
function bytesOfWords(words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(words.length * 2);
  for (const [index, word] of words.entries()) bytes.writeUInt16BE(word, index * 2);
  return bytes;
}

function createPort(link: ModbusLink, parts: PortParts, line: Line, memory: LineMemory): FramePort {
  switch (modbusFraming(link)) {
    case 'tcp':
      return new TcpPort(parts);
    case 'udp':
      return new UdpPort(parts);
    case 'rtu':
      return new RtuPort(parts, line, memory);
    case 'ascii':
      return new AsciiPort(parts, line, memory);
  }
}

const unaskedOf = (link: ModbusLink): Buffer[] =>
  link.kind === 'listen'
    ? [link.registration, link.heartbeat].filter((text) => text !== undefined).map((text) => bytesOf(text))
    : [];

const exceptionCode = (error: Error | null): number | null =>
  error !== null && 'modbusCode' in error && typeof error.modbusCode === 'number' ? error.modbusCode : null;
