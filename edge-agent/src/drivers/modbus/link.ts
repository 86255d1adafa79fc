import { isSerialLink, type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus-link';
import type { DriverContext } from '../driver.ts';
import type { DialIns } from './channels/dial-in.ts';
import type { Address, openChannel } from './channels/open-channel.ts';
import type { Connection } from './connection.ts';
import { ConnectionDoubt } from './connection-doubt.ts';
import { type LineTiming, lineTiming } from './line-timing.ts';
import { isAnswer, type LinkReply, silenceOf, without } from './link-reply.ts';
import type { ModbusMetrics } from './metrics.ts';
import type { AnswersAs } from './ports/frame-port.ts';
import { minQuietMs } from './ports/line-port.ts';
import type { FlightRecorder } from './recorder/flight-recorder.ts';
import { onceMoreIfDamaged, type Repeating, whileItMayPass } from './repeats.ts';
import { isDamaged, type Reply } from './reply.ts';
import { asRegisters, type FileRequest, type ModbusRequest, probeOf, type ReadRequest, writesToo } from './request.ts';
import { wireTimeMs } from './request-cost.ts';
import { Turns } from './turns.ts';
import { Unit } from './unit.ts';
import type { Silence } from './unit-guard.ts';
import { Upkeep } from './upkeep.ts';

export type { LinkReply } from './link-reply.ts';

export type LinkParts = Pick<DriverContext, 'clock' | 'log' | 'heldSinceMs'> & {
  readonly metrics: ModbusMetrics;
  readonly dialIns: DialIns;
  readonly openChannel: typeof openChannel;
  readonly recorder: FlightRecorder;
};

type Expected = { readonly answersAs: AnswersAs; readonly learnedMs: number | null };

/** Asks the device one thing; never rejects. */
export type Ask = (request: ModbusRequest, signal: AbortSignal) => Promise<LinkReply>;

/**
 * The one connection to all units behind a host and port or a serial port. It is kept up in the background; requests run
 * strictly one after another, and while it is down they are answered at once.
 */
export class Link {
  readonly name: string;
  private readonly settings: ModbusLink;
  private readonly parts: LinkParts;
  private readonly upkeep: Upkeep;
  private readonly timing: LineTiming;
  /** Beside request and answer, for the next request: the silence, or the pause that is stated. */
  private readonly pauseMs: number;
  /** Those that may be asked. */
  private readonly expected = new Map<number, Expected>();
  /** Those that have been asked. */
  private readonly units = new Map<number, Unit>();
  private readonly turns = new Turns();
  private readonly connectionDoubt = new ConnectionDoubt();
  /** The last read that a unit has answered, with data or an exception of its own. */
  private lastAnswered: ReadRequest | FileRequest | null = null;
  /** That of the request now running, or of the last. */
  private signal: AbortSignal | null = null;
  private readonly heardSignals = new WeakSet<AbortSignal>();

  constructor(settings: ModbusLink, parts: LinkParts) {
    this.name = modbusLinkName(settings);
    this.settings = settings;
    this.parts = parts;
    this.timing = lineTiming(settings);
    this.pauseMs = Math.max(this.timing.silenceMs, settings.pauseBetweenMs);
    this.upkeep = new Upkeep(settings, parts, {
      onConnected: () => this.connected(),
      bringsAnswers: (connection, closing) => this.bringsAnswers(connection, closing),
    });
    if (settings.kind === 'listen') parts.dialIns.expect(settings);
  }

  get state(): 'connecting' | 'connected' | 'disconnected' {
    return this.upkeep.state;
  }

  get disconnectedBecause(): string | null {
    return this.upkeep.disconnectedBecause;
  }

  /** What is odd with the replies that come; null where nothing is. */
  get oddity(): string | null {
    return this.upkeep.oddity;
  }

  get backupInUse(): Address | null {
    return this.upkeep.backupInUse;
  }

  /** Before the start, of every unit that will be asked. `learnedMs`: what it took to answer in an earlier run. */
  expect(unit: number, answersAs: AnswersAs, learnedMs: number | null = null): void {
    this.expected.set(unit, { answersAs, learnedMs });
  }

  /** What the unit typically takes to answer, beside the time on the wire; null while that is not known. */
  answerMsOf(unit: number): number | null {
    return this.units.get(unit)?.answers.typicalMs ?? this.expected.get(unit)?.learnedMs ?? null;
  }

  /** Why the unit was given up, and is asked seldom; null: it is not. */
  givenUpBecause(unit: number): Silence | null {
    const guard = this.units.get(unit)?.guard;
    return guard?.isOpen === true ? guard.because : null;
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
    if (reply.kind !== 'exception' || writesToo(request)) return reply;
    const repeating = this.repeating(request.unit, () => this.inTurn(request, signal));
    return whileItMayPass(reply, repeating, this.parts.clock, signal);
  }

  /** All that `work` asks goes before what waits already, and nobody else is served in between. */
  ahead<Result>(work: (ask: Ask) => Promise<Result>): Promise<Result> {
    return this.turns.ahead(() => work((request, signal) => this.exchange(request, signal)));
  }

  private inTurn(request: ReadRequest | FileRequest, signal: AbortSignal): Promise<LinkReply> {
    return this.turns.inTurn(() => this.exchange(request, signal));
  }

  private repeating(unit: number, ask: () => Promise<LinkReply>): Repeating {
    const onRepeat = (): void => this.parts.metrics.retries.inc({ link: this.name });
    return { retries: this.unitOf(unit).retries, onRepeat, ask };
  }

  private async exchange(request: ModbusRequest, signal: AbortSignal): Promise<LinkReply> {
    const { clock } = this.parts;
    // At the start nobody knows yet whether the device is there: its first samples are not bad before a try has failed.
    if (!this.upkeep.hasTried) await this.upkeep.firstTried(request.timeoutMs, signal);
    if (this.upkeep.hasNext) await this.upkeep.useNext();
    const { connection } = this.upkeep;
    if (connection === null) return { kind: 'not-connected', ...without(clock) };
    const unit = this.unitOf(request.unit);
    const nowMs = clock.monotonicMs();
    const quickMs = this.quickTimeoutMs(request);
    const mayAsk = unit.guard.mayAsk(nowMs);
    const probesQuickly = !mayAsk && quickMs !== null && !('write' in request) && unit.guard.mayProbeQuickly(nowMs);
    if (!mayAsk && !probesQuickly) return { kind: 'silent', because: unit.guard.because, ...without(clock) };
    if (this.isShared && unit.guard.isOpen && !('write' in request)) {
      const timeoutMs = probesQuickly ? quickMs : request.timeoutMs;
      const reply = await this.send({ ...probeOf(request), timeoutMs }, connection, probesQuickly, signal);
      if (unit.guard.isOpen) return reply;
    }
    const send = (): Promise<LinkReply> => this.send(request, connection, false, signal);
    const reply = await send();
    if ('write' in request || writesToo(request)) return reply;
    return onceMoreIfDamaged(reply, this.repeating(request.unit, send));
  }

  /** A serial line with others on it, who wait while a silent unit is asked: there its probes are short, and for one register. */
  private get isShared(): boolean {
    return isSerialLink(this.settings) && this.expected.size > 1;
  }

  /** `isQuick`: with a time-out that is shorter than that of the unit. */
  private async send(
    request: ModbusRequest,
    connection: Connection,
    isQuick: boolean,
    signal: AbortSignal,
  ): Promise<LinkReply> {
    const { clock, metrics, heldSinceMs } = this.parts;
    const settlingMs = clock.monotonicMs();
    if (connection.unsettled) await connection.settle();
    const settledMs = clock.monotonicMs();
    if (connection.isPausing) await connection.pauseOver(signal);
    if (signal.aborted) return { kind: 'aborted', ...without(clock) };

    this.endOnAbort(signal);
    const sentMs = clock.monotonicMs();
    const unit = this.unitOf(request.unit);
    const reply = await connection.ask(request, unit.answersAs);
    const seenMs = clock.monotonicMs();
    const endMs = heldSinceMs(sentMs) ?? seenMs;
    const roundTripMs = endMs - sentMs;
    const end = clock.now() - Math.round((seenMs - endMs) * 1_000);
    const time = end - Math.round(roundTripMs * 500);

    const answered = reply.kind === 'data' || reply.kind === 'exception';
    if (answered) metrics.roundTrip.observe(roundTripMs / 1_000);
    if (writesToo(request)) metrics.exchanges.inc({ link: this.name });
    if (reply.kind !== 'data') metrics.errors.inc({ link: this.name, kind: reply.kind });
    if (isSerialLink(this.settings)) {
      metrics.busy.inc({ link: this.name }, (settledMs - settlingMs + roundTripMs + this.pauseMs) / 1_000);
      if (reply.kind === 'data' && !('write' in request)) {
        unit.answers.answered(roundTripMs - wireTimeMs(this.timing, 'holding', asRegisters(request)));
      }
    }
    this.judge(request, reply, connection, roundTripMs, isQuick);
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
  private judge(request: ModbusRequest, reply: Reply, connection: Connection, tookMs: number, isQuick: boolean): void {
    const { unit, timeoutMs } = request;
    const { clock, log, recorder } = this.parts;
    const { guard, retries } = this.unitOf(unit);
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
        isQuick,
        quickCostMs: this.quickCostMs(request),
      });
      if (givenUp) this.givenUp(unit, because);
    }
    if (reply.kind === 'data' || reply.kind === 'exception') {
      if (isAnswer(reply) && !('write' in request)) this.lastAnswered = request;
      this.connectionDoubt.heard();
      this.upkeep.answered();
      if (because === null && guard.answered()) log.info({ link: this.name, unit }, 'the unit answers again');
    } else if (isDamaged(reply) && retries.mayRepeatDamaged) {
      this.connectionDoubt.heard();
      // It is there. One that was given up is so until it can be read.
      if (!guard.isOpen) guard.answered();
    } else if ((because !== null || (isDamaged(reply) && this.upkeep.hasBackup)) && !isSerialLink(this.settings)) {
      if (this.connectionDoubt.silent(unit, this.units.size)) this.upkeep.giveUp(connection, because ?? 'garbled');
    }
  }

  /** Whether units can be read by this connection, to the other address: one that is read by the present one is asked. */
  private async bringsAnswers(connection: Connection, signal: AbortSignal): Promise<boolean> {
    const request = this.lastAnswered;
    if (request === null) return true;
    if (connection.isPausing) await connection.pauseOver(signal);
    return isAnswer(await connection.ask(probeOf(request), this.unitOf(request.unit).answersAs));
  }

  private quickTimeoutMs({ unit, timeoutMs }: ModbusRequest): number | null {
    return this.isShared ? this.unitOf(unit).quickTimeoutMs(timeoutMs, this.timing.silenceMs) : null;
  }

  /** What a quick probe of this unit costs; null where there are none. */
  private quickCostMs(request: ModbusRequest): number | null {
    const quickMs = this.quickTimeoutMs(request);
    return quickMs === null ? null : quickMs + wireTimeMs(this.timing, 'holding', 1) + this.pauseMs + minQuietMs;
  }

  private givenUp(unit: number, because: Silence): void {
    const { log, recorder } = this.parts;
    const what = because === 'timeout' ? 'no answer from the unit' : 'nothing that comes from the unit is an answer';
    log.warn({ link: this.name, unit, because }, `${what}; asked seldom until there is one`);
    recorder.keep(this.name, `silent-${unit}`);
  }

  private connected(): void {
    this.connectionDoubt.heard();
    // A single device that restarted is asked as soon as it can be reached; behind a gateway that would be dear.
    if (this.expected.size <= 1) for (const { guard } of this.units.values()) guard.askSoon();
  }

  private unitOf(id: number): Unit {
    let unit = this.units.get(id);
    if (unit === undefined) {
      const { answersAs, learnedMs } = this.expected.get(id) ?? { answersAs: null, learnedMs: null };
      unit = new Unit(answersAs, learnedMs);
      this.units.set(id, unit);
    }
    return unit;
  }
}
