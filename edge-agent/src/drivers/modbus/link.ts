import { type ModbusLink, modbusLinkName } from '@fieldline/shared/config/modbus';
import type { Micros } from '@fieldline/shared/contracts';
import { type Clock, createBackoff, pause } from '@fieldline/shared/runtime';
import type { DriverContext } from '../driver.ts';
import { Connection, type ReadRequest, type Reply } from './connection.ts';
import type { ModbusMetrics } from './metrics.ts';
import { type Silence, UnitGuard } from './unit-guard.ts';

const firstReconnectMs = 500;
const maxReconnectMs = 30_000;
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

export type LinkParts = Pick<DriverContext, 'clock' | 'log' | 'heldSinceMs'> & { readonly metrics: ModbusMetrics };

/**
 * The one connection to all units behind a host and port or a serial port. It is kept up in the background; requests run
 * strictly one after another, and while it is down they are answered at once.
 */
export class Link {
  readonly name: string;
  private readonly settings: ModbusLink;
  private readonly parts: LinkParts;
  private readonly closing = new AbortController();
  private readonly guards = new Map<number, UnitGuard>();
  private readonly reconnect = createBackoff({ firstMs: firstReconnectMs, maxMs: maxReconnectMs });
  private connection: Connection | null = null;
  /** Resolved when the first try to connect has ended, well or not. */
  private readonly firstTry = Promise.withResolvers<void>();
  private firstTryEnded = false;
  private running: Promise<void> = Promise.resolve();
  private turn: Promise<unknown> = Promise.resolve();
  private silentRequests = 0;
  /** Units asked in vain since the last answer of any. */
  private readonly silentUnits = new Set<number>();
  /** That of the request now running, or of the last. */
  private signal: AbortSignal | null = null;
  /** Why there is no connection; null before the first try has ended and while there is one. */
  private trouble: string | null = null;

  constructor(settings: ModbusLink, parts: LinkParts) {
    this.name = modbusLinkName(settings);
    this.settings = settings;
    this.parts = parts;
  }

  get state(): 'connecting' | 'connected' | 'disconnected' {
    if (this.connection !== null) return 'connected';
    return this.trouble === null ? 'connecting' : 'disconnected';
  }

  get disconnectedBecause(): string | null {
    return this.trouble;
  }

  isSilent(unit: number): boolean {
    return this.guards.get(unit)?.isOpen ?? false;
  }

  start(): void {
    this.running = this.keepConnected();
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.connection?.end('closed');
    await this.running;
  }

  /** Never rejects. On abort a running request ends at once. */
  read(request: ReadRequest, signal: AbortSignal): Promise<LinkReply> {
    const reply = this.turn.then(() => this.exchange(request, signal));
    this.turn = reply;
    return reply;
  }

  private async keepConnected(): Promise<void> {
    const { signal } = this.closing;
    const { log, metrics } = this.parts;
    while (!signal.aborted) {
      try {
        const connection = await Connection.open(this.settings, signal, () => metrics.late.inc({ link: this.name }));
        this.connection = connection;
        this.endFirstTry();
        if (signal.aborted) connection.end('closed');
        else log.info({ link: this.name }, 'connected');
        this.trouble = null;
        this.heard();
        this.disconnected(await connection.ended);
      } catch (error) {
        this.disconnected(error instanceof Error ? error.message : String(error));
      }
      if (!signal.aborted) await pause(this.reconnect.next(), signal);
    }
  }

  private endFirstTry(): void {
    this.firstTryEnded = true;
    this.firstTry.resolve();
  }

  private disconnected(reason: string): void {
    this.connection = null;
    this.endFirstTry();
    if (this.closing.signal.aborted || this.trouble === reason) return;
    this.trouble = reason;
    this.parts.log.warn({ link: this.name, reason }, 'not connected; trying on');
  }

  private async exchange(request: ReadRequest, signal: AbortSignal): Promise<LinkReply> {
    const { clock, metrics, heldSinceMs } = this.parts;
    // At the start nobody knows yet whether the device is there: its first samples are not bad before a try has failed.
    if (!this.firstTryEnded) await Promise.race([this.firstTry.promise, pause(request.timeoutMs, signal)]);
    const { connection } = this;
    if (connection === null) return { kind: 'not-connected', ...without(clock) };
    const guard = this.guardOf(request);
    if (!guard.mayAsk(clock.monotonicMs())) {
      return { kind: 'silent', because: guard.because, ...without(clock) };
    }
    if (connection.unsettled) await connection.settle();
    if (signal.aborted) return { kind: 'aborted', ...without(clock) };

    this.endOnAbort(signal);
    const sentMs = clock.monotonicMs();
    const reply = await connection.read(request);
    const seenMs = clock.monotonicMs();
    const endMs = heldSinceMs(sentMs) ?? seenMs;
    const roundTripMs = endMs - sentMs;
    const end = clock.now() - Math.round((seenMs - endMs) * 1_000);
    const time = end - Math.round(roundTripMs * 500);

    const answered = reply.kind === 'data' || reply.kind === 'exception';
    if (answered) metrics.roundTrip.observe({ link: this.name }, roundTripMs / 1_000);
    if (reply.kind !== 'data') metrics.errors.inc({ link: this.name, kind: reply.kind });
    this.judge(request, reply, guard, connection);
    return { ...reply, time, end };
  }

  /** One listener per signal, not per request: a signal that all links share would search its list each time. */
  private endOnAbort(signal: AbortSignal): void {
    if (this.signal === signal) return;
    this.signal = signal;
    signal.addEventListener('abort', () => this.signal === signal && this.connection?.abort(), { once: true });
  }

  /** What a reply, or its absence, says of the unit and of the connection. */
  private judge({ unit, timeoutMs }: ReadRequest, reply: Reply, guard: UnitGuard, connection: Connection): void {
    const { clock, log } = this.parts;
    const silence = silenceOf(reply);
    if (silence !== null) {
      // Where a late reply looks like that of the next request, the unit is given as long again to get it out.
      const holdOffMs = connection.unsettled ? timeoutMs : 0;
      if (guard.silent(silence, clock.monotonicMs(), holdOffMs)) {
        log.warn(
          { link: this.name, unit, because: silence },
          'no answer from the unit; asked seldom until there is one',
        );
      }
    }
    if (reply.kind === 'data' || reply.kind === 'exception') {
      this.heard();
      this.reconnect.reset();
      if (silence === null && guard.answered()) log.info({ link: this.name, unit }, 'the unit answers again');
    } else if (silence !== null && this.settings.kind !== 'rtu') {
      this.silentRequests += 1;
      this.silentUnits.add(unit);
      // One dead unit must not cost the others behind the same gateway their connection.
      const allSilent = this.silentUnits.size >= this.guards.size;
      if (allSilent && this.silentRequests >= silentConnectionLimit) connection.end('it does not answer any more');
    }
  }

  private heard(): void {
    this.silentRequests = 0;
    this.silentUnits.clear();
  }

  private guardOf({ unit, timeoutMs }: ReadRequest): UnitGuard {
    let guard = this.guards.get(unit);
    if (guard === undefined) {
      guard = new UnitGuard(timeoutMs);
      this.guards.set(unit, guard);
    }
    return guard;
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
