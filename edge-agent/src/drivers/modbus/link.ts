import { type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import type { Micros } from '@fieldline/shared/contracts';
import { type Clock, pause } from '@fieldline/shared/runtime';
import type { DriverContext } from '../driver.ts';
import type { DialIns } from './channels/dial-in.ts';
import type { Address, openChannel } from './channels/open-channel.ts';
import type { Connection, Reply } from './connection.ts';
import type { ModbusMetrics } from './metrics.ts';
import type { AnswersAs } from './ports/frame-port.ts';
import { minQuietMs } from './ports/line-port.ts';
import type { FlightRecorder } from './recorder/flight-recorder.ts';
import { type FileRequest, type ModbusRequest, type ReadRequest, writesToo } from './request.ts';
import { type Silence, UnitGuard } from './unit-guard.ts';
import { UnitRetries } from './unit-retries.ts';
import { Upkeep } from './upkeep.ts';

/** So many requests in a row without an answer, of all units there are, and the connection itself is in doubt. */
const silentConnectionLimit = 3;
/** Gateway target device failed to respond (Application Protocol v1.1b3, 7). */
const targetSilent = 0x0b;

/** `silent`: not asked at all, because the unit has not answered for a while. */
export type LinkReply = (Reply | { readonly kind: 'silent'; readonly because: Silence }) & {
  /** The middle of the round trip, as far as the event loop was free to see its end; where there was none, now. */
  readonly time: Micros;
  /** When the reply was here, as far as was seen, or known not to come. */
  readonly end: Micros;
};

export type LinkParts = Pick<DriverContext, 'clock' | 'log' | 'heldSinceMs'> & {
  readonly metrics: ModbusMetrics;
  readonly dialIns: DialIns;
  readonly openChannel: typeof openChannel;
  readonly recorder: FlightRecorder;
};

/** Asks the device one thing; never rejects. */
export type Ask = (request: ModbusRequest, signal: AbortSignal) => Promise<LinkReply>;

/** What is known of one unit. */
type Unit = { readonly guard: UnitGuard; readonly retries: UnitRetries; readonly answersAs: AnswersAs };

/**
 * The one connection to all units behind a host and port or a serial port. It is kept up in the background; requests run
 * strictly one after another, and while it is down they are answered at once.
 */
export class Link {
  readonly name: string;
  private readonly settings: ModbusLink;
  private readonly parts: LinkParts;
  private readonly upkeep: Upkeep;
  /** Those that may be asked. */
  private readonly expected = new Map<number, AnswersAs>();
  /** Those that have been asked. */
  private readonly units = new Map<number, Unit>();
  private turn: Promise<unknown> = Promise.resolve();
  /** They go before whatever has its turn next. */
  private readonly urgent: (() => Promise<void>)[] = [];
  private silentRequests = 0;
  /** Units asked in vain since the last answer of any. */
  private readonly silentUnits = new Set<number>();
  /** That of the request now running, or of the last. */
  private signal: AbortSignal | null = null;
  private readonly heardSignals = new WeakSet<AbortSignal>();

  constructor(settings: ModbusLink, parts: LinkParts) {
    this.name = modbusLinkName(settings);
    this.settings = settings;
    this.parts = parts;
    this.upkeep = new Upkeep(settings, parts, () => this.connected());
    if (settings.kind === 'listen') parts.dialIns.expect(settings);
  }

  get state(): 'connecting' | 'connected' | 'disconnected' {
    return this.upkeep.state;
  }

  get disconnectedBecause(): string | null {
    return this.upkeep.disconnectedBecause;
  }

  get backupInUse(): Address | null {
    return this.upkeep.backupInUse;
  }

  /** Before the start, of every unit that will be asked. */
  expect(unit: number, answersAs: AnswersAs): void {
    this.expected.set(unit, answersAs);
  }

  isSilent(unit: number): boolean {
    return this.units.get(unit)?.guard.isOpen ?? false;
  }

  start(): void {
    this.upkeep.start();
  }

  close(): Promise<void> {
    return this.upkeep.close();
  }

  /** Never rejects. On abort a running request ends at once. */
  async read(request: ReadRequest | FileRequest, signal: AbortSignal): Promise<LinkReply> {
    const reply = await this.inTurn(request, signal);
    // What writes is sent once at each poll, whatever the device answers.
    return reply.kind === 'exception' && !writesToo(request) ? this.readAgain(request, reply, signal) : reply;
  }

  /** All that `work` asks goes before what waits already, and nobody else is served in between. */
  ahead<Result>(work: (ask: Ask) => Promise<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const ask: Ask = (request, signal) => this.exchange(request, signal);
    // Whatever becomes of it, those behind it have their turn.
    this.urgent.push(() => work(ask).then(resolve, reject));
    this.turn = this.turn.then(() => this.runUrgent());
    return promise;
  }

  private async runUrgent(): Promise<void> {
    for (let next = this.urgent.shift(); next !== undefined; next = this.urgent.shift()) await next();
  }

  private inTurn(request: ReadRequest | FileRequest, signal: AbortSignal): Promise<LinkReply> {
    const ask = (): Promise<LinkReply> => this.exchange(request, signal);
    const reply = this.turn.then(() => (this.urgent.length === 0 ? ask() : this.runUrgent().then(ask)));
    this.turn = reply;
    return reply;
  }

  /** Where the exception may pass. Between two tries the link is free for others. */
  private async readAgain(
    request: ReadRequest | FileRequest,
    first: LinkReply,
    signal: AbortSignal,
  ): Promise<LinkReply> {
    const { clock, metrics } = this.parts;
    const { retries } = this.unitOf(request.unit);
    const sinceMs = clock.monotonicMs();
    let reply = first;
    for (let tries = 0; reply.kind === 'exception'; tries++) {
      const pauseMs = retries.pauseMs(reply.code, tries, clock.monotonicMs());
      if (pauseMs === null) {
        if (tries > 0) retries.inVain(clock.monotonicMs() - sinceMs, clock.monotonicMs());
        return reply;
      }
      if (!(await pause(pauseMs, signal))) return { kind: 'aborted', ...without(clock) };
      metrics.retries.inc({ link: this.name });
      reply = await this.inTurn(request, signal);
    }
    return reply;
  }

  private async exchange(request: ModbusRequest, signal: AbortSignal): Promise<LinkReply> {
    const { clock, metrics, heldSinceMs } = this.parts;
    // At the start nobody knows yet whether the device is there: its first samples are not bad before a try has failed.
    if (!this.upkeep.hasTried) await this.upkeep.firstTried(request.timeoutMs, signal);
    if (this.upkeep.hasNext) await this.upkeep.useNext();
    const { connection } = this.upkeep;
    if (connection === null) return { kind: 'not-connected', ...without(clock) };
    const unit = this.unitOf(request.unit);
    if (!unit.guard.mayAsk(clock.monotonicMs())) {
      return { kind: 'silent', because: unit.guard.because, ...without(clock) };
    }
    if (connection.unsettled) await connection.settle();
    const { waitMs } = connection;
    if (waitMs > 0) await pause(Math.ceil(waitMs), signal);
    if (signal.aborted) return { kind: 'aborted', ...without(clock) };

    this.endOnAbort(signal);
    const sentMs = clock.monotonicMs();
    const reply = await connection.ask(request, unit.answersAs);
    const seenMs = clock.monotonicMs();
    const endMs = heldSinceMs(sentMs) ?? seenMs;
    const roundTripMs = endMs - sentMs;
    const end = clock.now() - Math.round((seenMs - endMs) * 1_000);
    const time = end - Math.round(roundTripMs * 500);

    const answered = reply.kind === 'data' || reply.kind === 'exception';
    if (answered) metrics.roundTrip.observe({ link: this.name }, roundTripMs / 1_000);
    if (writesToo(request)) metrics.exchanges.inc({ link: this.name });
    if (reply.kind !== 'data') metrics.errors.inc({ link: this.name, kind: reply.kind });
    this.judge(request, reply, connection, roundTripMs);
    return { ...reply, time, end };
  }

  /** One listener per signal, not per request: a signal that all links share would search its list each time. */
  private endOnAbort(signal: AbortSignal): void {
    if (this.signal === signal) return;
    this.signal = signal;
    if (this.heardSignals.has(signal)) return;
    this.heardSignals.add(signal);
    signal.addEventListener('abort', () => this.signal === signal && this.upkeep.connection?.abort(), { once: true });
  }

  /** What a reply, or its absence, says of the unit and of the connection. */
  private judge({ unit, timeoutMs }: ModbusRequest, reply: Reply, connection: Connection, tookMs: number): void {
    const { clock, log, recorder } = this.parts;
    const { guard } = this.unitOf(unit);
    const because = silenceOf(reply);
    if (reply.kind === 'garbled') recorder.keep(this.name, 'nonsense');
    if (reply.kind === 'not-connected') recorder.keep(this.name, 'cut');
    if (because !== null) {
      const { unsettled } = connection;
      const givenUp = guard.silent({
        because,
        nowMs: clock.monotonicMs(),
        costMs: tookMs + (unsettled ? minQuietMs : 0),
        // Where a late reply looks like that of the next request, the unit is given as long again to get it out.
        holdOffMs: unsettled ? timeoutMs : 0,
        isAlone: this.expected.size <= 1,
      });
      if (givenUp) this.givenUp(unit, because);
    }
    if (reply.kind === 'data' || reply.kind === 'exception') {
      this.heard();
      this.upkeep.answered();
      if (because === null && guard.answered()) log.info({ link: this.name, unit }, 'the unit answers again');
    } else if (because !== null && this.settings.kind !== 'rtu' && this.settings.kind !== 'ascii') {
      this.doubt(unit, connection);
    }
  }

  private givenUp(unit: number, because: Silence): void {
    const { log, recorder } = this.parts;
    log.warn({ link: this.name, unit, because }, 'no answer from the unit; asked seldom until there is one');
    recorder.keep(this.name, `silent-${unit}`);
  }

  private doubt(unit: number, connection: Connection): void {
    this.silentRequests += 1;
    this.silentUnits.add(unit);
    // One dead unit must not cost the others behind the same gateway their connection.
    const allSilent = this.silentUnits.size >= this.units.size;
    if (allSilent && this.silentRequests >= silentConnectionLimit) this.upkeep.giveUp(connection);
  }

  private connected(): void {
    this.heard();
    // A single device that restarted is asked as soon as it can be reached; behind a gateway that would be dear.
    if (this.expected.size <= 1) for (const { guard } of this.units.values()) guard.askSoon();
  }

  private heard(): void {
    this.silentRequests = 0;
    if (this.silentUnits.size > 0) this.silentUnits.clear();
  }

  private unitOf(id: number): Unit {
    let unit = this.units.get(id);
    if (unit === undefined) {
      unit = { guard: new UnitGuard(), retries: new UnitRetries(), answersAs: this.expected.get(id) ?? null };
      this.units.set(id, unit);
    }
    return unit;
  }
}

const silenceOf = (reply: Reply): Silence | null => {
  if (reply.kind === 'timeout' || reply.kind === 'garbled') return reply.kind;
  return reply.kind === 'exception' && reply.code === targetSilent ? 'timeout' : null;
};

/** Times of what was not asked. */
function without(clock: Clock): { readonly time: Micros; readonly end: Micros } {
  const time = clock.now();
  return { time, end: time };
}
