/**
 * Sends the journal's batches through the uplink and tells the journal what is confirmed. Invariants:
 *
 * - Two lanes. A batch that was just flushed goes at once (live); what is older goes beside it (backlog), never takes the
 *   places in flight that are reserved for the live lane, and no faster than its pace.
 * - `confirm: broker`: PUBACK confirms. `confirm: cloud`: the commit acknowledgement does; what it does not list in time is
 *   sent again, with growing pauses, and not while the cloud says that it lags.
 * - Nothing is kept here that is not in the journal: a lost connection gives everything unanswered back to the backlog.
 */
import type { AckMessage, Declaration, Ranges } from '@fieldline/shared/contracts';
import { intersectRanges } from '@fieldline/shared/contracts';
import type { Clock, Log, Metrics } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import type { BatchId, StoredBatch } from '../journal/batches.ts';
import type { HeldStream } from '../journal/holdings.ts';
import { consequencesOf } from './acknowledge.ts';
import { Asked } from './asked.ts';
import { Backlog } from './backlog.ts';
import { Claims } from './claims.ts';
import { forwarderMetrics } from './metrics.ts';
import { Pace, type PaceOptions } from './pace.ts';
import { Resend } from './resend.ts';
import { Uncommitted } from './uncommitted.ts';

/** One session with the broker. */
export type Link = {
  /** Resolves with the PUBACK. @throws when the broker refused the batch or the session ended */
  readonly publish: (bytes: Buffer) => Promise<void>;
};

/** What the forwarder needs of the journal. */
export type Outbox = {
  readonly streams: () => readonly HeldStream[];
  readonly read: (stream: string, seq: number) => StoredBatch | null;
  /** Before a batch is given to a session: from then on it has a content in the world. */
  readonly willSend: (stream: string, seq: number) => void;
  readonly confirm: (stream: string, ranges: Ranges) => void;
  readonly doubt: (stream: string, ranges: Ranges) => void;
  readonly declare: (declaration: Declaration) => void;
  readonly incarnation: string | null;
  readonly setIncarnation: (incarnation: string) => void;
};

export type ForwarderOptions = {
  readonly journal: Outbox;
  readonly confirm: 'cloud' | 'broker';
  readonly maxInFlight: number;
  readonly resendAfterMs: number;
  readonly backlog: Omit<PaceOptions, 'mostInFlight'>;
  /** The database behind the cloud is another one than before. */
  readonly onNewIncarnation: () => void;
  readonly random: () => number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** The rest is reserved for live batches. */
const backlogShare = (maxInFlight: number): number => Math.max(1, maxInFlight - Math.ceil(maxInFlight / 4));

/** After a connect the backlog waits this long for the retained acknowledgement: it may say that most of it is stored. */
const awaitAckMs = 1_000;
const tickMs = 250;
/** Batches that the disk does not give, passed over at one go. */
const maxPassedOver = 64;

export class Forwarder {
  private readonly options: ForwarderOptions;
  private readonly metrics: ReturnType<typeof forwarderMetrics>;
  private readonly claims = new Claims();
  private readonly backlog: Backlog;
  private readonly resend: Resend;
  private readonly pace: Pace;
  private live: StoredBatch[] = [];
  private link: Link | undefined;
  private readonly inFlight = new Set<BatchId & { readonly isLive: boolean }>();
  private backlogFromMs = 0;
  private isLagging = false;
  private readonly asked: Asked;
  private timer: NodeJS.Timeout | undefined;
  private waiting: (() => void)[] = [];
  private readonly uncommitted = new Uncommitted();

  constructor(options: ForwarderOptions) {
    this.options = options;
    this.metrics = forwarderMetrics(options.metrics);
    this.backlog = new Backlog(() => options.journal.streams(), this.claims);
    this.resend = new Resend(options);
    this.asked = new Asked(options.resendAfterMs);
    this.pace = new Pace({ mostInFlight: backlogShare(options.maxInFlight), ...options.backlog });
  }

  /** Batches fresh from a flush. While there is no session they are backlog. */
  offer(batches: readonly StoredBatch[]): void {
    if (this.link === undefined) return;
    for (const batch of batches) {
      this.claims.addOne(batch.stream, batch.seq);
      this.options.journal.willSend(batch.stream, batch.seq);
      this.live.push(batch);
    }
    // The newest count: what does not fit into the window waits in the journal.
    for (const { stream, seq } of this.live.splice(0, Math.max(0, this.live.length - this.options.maxInFlight))) {
      this.claims.releaseOne(stream, seq);
    }
    this.pump();
  }

  connected(link: Link): void {
    this.disconnected();
    this.link = link;
    this.isLagging = false;
    this.pace.reset();
    const waitMs = this.options.confirm === 'cloud' ? awaitAckMs : 0;
    this.backlogFromMs = this.options.clock.monotonicMs() + waitMs;
    this.timer = setInterval(() => this.tick(), tickMs);
    this.pump();
  }

  disconnected(): void {
    clearInterval(this.timer);
    this.link = undefined;
    for (const { stream, seq } of [...this.inFlight, ...this.live]) this.claims.releaseOne(stream, seq);
    this.inFlight.clear();
    this.live = [];
    this.backlog.reset();
    this.asked.clear();
    this.uncommitted.stopTiming();
    this.metrics.inFlight.set(0);
    this.settle();
  }

  acknowledge(ack: AckMessage): void {
    const { journal, log, clock, onNewIncarnation } = this.options;
    const { isNewIncarnation, confirm, doubt, send, lost } = consequencesOf(
      ack,
      journal.streams(),
      journal.incarnation,
    );
    if (journal.incarnation !== ack.incarnation) journal.setIncarnation(ack.incarnation);
    for (const { stream, ranges } of doubt) {
      journal.doubt(stream, ranges);
      this.claims.release(stream, ranges);
    }
    for (const { stream, ranges } of confirm) journal.confirm(stream, ranges);
    const committed = this.uncommitted.acknowledged(this.backlog.uncommitted(), confirm);
    if (committed !== null) this.pace.committed(committed.sentAtMs, clock.monotonicMs(), committed.batches);
    for (const { stream, ranges } of lost) this.declareLost(stream, ranges);
    this.isLagging = ack.lagging;
    this.backlogFromMs = 0;
    this.resend.forget((stream) => this.backlog.openOf(stream));
    const nowMs = clock.monotonicMs();
    for (const { stream, ranges } of send) {
      // What no lane has taken up is on its way in its turn: to hurry it would pass over alarms, and over the bounds of the backlog.
      const taken = intersectRanges(ranges, this.claims.of(stream));
      const fresh = this.asked.fresh(stream, taken, nowMs);
      this.backlog.sendAgain(fresh.map(([from, to]) => ({ stream, from, to, times: 2 })));
    }
    if (isNewIncarnation) {
      log.warn({ incarnation: ack.incarnation }, 'the cloud has another database: what it does not list is sent again');
      onNewIncarnation();
    }
    this.settle();
    this.pump();
  }

  /** Resolves when everything is confirmed, the session is lost or the signal is aborted. */
  drained(signal: AbortSignal): Promise<void> {
    if (this.isDrained() || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  close(): void {
    this.disconnected();
  }

  private pump(): void {
    let passedOver = 0;
    while (this.link !== undefined && this.inFlight.size < this.options.maxInFlight) {
      const fresh = this.live.shift();
      if (fresh !== undefined) {
        this.send(this.link, fresh, 1, true);
        continue;
      }
      const next = this.mayDrain() ? this.backlog.next(this.mayTakeUp()) : null;
      if (next === null) return;
      this.options.journal.willSend(next.stream, next.seq);
      const batch = this.options.journal.read(next.stream, next.seq);
      if (batch !== null) this.send(this.link, batch, next.times, false);
      else {
        this.resend.sent(next.stream, next.seq, next.times, this.options.clock.monotonicMs());
        passedOver += 1;
        if (passedOver === maxPassedOver) return;
      }
    }
  }

  private mayDrain(): boolean {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs < this.backlogFromMs) return false;
    let draining = 0;
    for (const { isLive } of this.inFlight) if (!isLive) draining += 1;
    return this.pace.hasRoom(draining, nowMs);
  }

  /** One that was lost on its way has to be sent again, however many wait: else nothing would ever be committed. */
  private mayTakeUp(): boolean {
    return this.options.confirm === 'broker' || this.uncommitted.batches < this.pace.mostUncommitted;
  }

  private send(link: Link, batch: StoredBatch, times: number, isLive: boolean): void {
    const { stream, seq } = batch;
    const { confirm, clock } = this.options;
    const flight = { stream, seq, isLive };
    this.inFlight.add(flight);
    this.metrics.inFlight.set(this.inFlight.size);
    const sentAtMs = clock.monotonicMs();
    if (!isLive) this.pace.sent(batch.bytes.length);
    if (times === 1) this.uncommitted.sent(batch, isLive, sentAtMs);
    if (times > 1) this.metrics.again.inc();
    if (confirm === 'cloud') this.resend.sent(stream, seq, times, sentAtMs);
    link.publish(batch.bytes).then(
      () => {
        this.metrics.batches.inc();
        this.metrics.samples.inc(batch.samples);
        if (confirm === 'broker') this.options.journal.confirm(stream, [[seq, seq]]);
        if (link === this.link) this.pace.answered(sentAtMs, clock.monotonicMs());
        this.landed(link, flight);
      },
      (error: unknown) => {
        if (link !== this.link) return;
        this.metrics.refused.inc();
        this.pace.refused(sentAtMs, clock.monotonicMs());
        this.options.log.warn(
          { ...errorFields(error), stream, seq },
          'the broker did not take a batch; it is sent again later',
        );
        if (confirm === 'broker') this.resend.sent(stream, seq, times, clock.monotonicMs());
        this.landed(link, flight);
      },
    );
  }

  private landed(link: Link, flight: BatchId & { readonly isLive: boolean }): void {
    if (link !== this.link) return;
    this.inFlight.delete(flight);
    this.metrics.inFlight.set(this.inFlight.size);
    this.metrics.backlogMost.set(this.pace.mostInFlight);
    this.settle();
    this.pump();
  }

  private tick(): void {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs >= this.backlogFromMs) {
      const due = this.resend.due(nowMs, this.isLagging);
      this.backlog.sendAgain(due.map((sent) => ({ ...sent, times: sent.times + 1 })));
    }
    this.claims.keepOnly(this.options.journal.streams().map(({ stream }) => stream));
    this.pump();
  }

  /** Marked as confirmed, so that it is declared once. */
  private declareLost(stream: string, ranges: Ranges): void {
    for (const [from, to] of ranges) {
      this.options.log.error(
        { stream, from, to },
        'the cloud asks for batches that the journal no longer holds: declared',
      );
      this.options.journal.declare({ kind: 'batches', stream, from, to, samples: null, reason: 'journal-damaged' });
    }
    this.options.journal.confirm(stream, ranges);
  }

  private isDrained(): boolean {
    if (this.link === undefined) return true;
    return this.options.journal.streams().every(({ stream }) => this.backlog.openOf(stream).length === 0);
  }

  /** Wakes those who wait for `drained`. */
  private settle(): void {
    if (this.waiting.length === 0 || !this.isDrained()) return;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
