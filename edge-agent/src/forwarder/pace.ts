/**
 * How fast the backlog goes beside the live batches. What is sent queues up wherever the way is narrow, and a live batch waits
 * behind it there. So no more of the backlog is under way than is answered soon: by the broker, behind a modem, and by the
 * database, behind a cloud that has much to store. Where the settings bound messages or bytes a second, what was not used is
 * saved up for one second at most.
 */
import { AdaptiveWindow } from './adaptive-window.ts';

export type PaceOptions = {
  /** Backlog batches without PUBACK at most, however quick the answers are. */
  readonly mostInFlight: number;
  readonly messagesPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
};

const slowPubackMs = 300;
const slowCommitMs = 500;
/** In batches; commits come in groups, so that a few are too few to keep the cloud busy. */
const uncommitted = { least: 16, first: 64, most: 4_096 };
const secondMs = 1_000;

export class Pace {
  private readonly inFlight: AdaptiveWindow;
  private readonly uncommitted = new AdaptiveWindow({ ...uncommitted, slowerMs: slowCommitMs });
  private readonly buckets: readonly { readonly bucket: Bucket; readonly amountOf: (bytes: number) => number }[];

  constructor({ mostInFlight, messagesPerSecond, bytesPerSecond }: PaceOptions) {
    this.inFlight = new AdaptiveWindow({ least: 1, first: 1, most: mostInFlight, slowerMs: slowPubackMs });
    this.buckets = [
      ...(messagesPerSecond === undefined ? [] : [{ bucket: new Bucket(messagesPerSecond), amountOf: () => 1 }]),
      ...(bytesPerSecond === undefined
        ? []
        : [{ bucket: new Bucket(bytesPerSecond), amountOf: (bytes: number) => bytes }]),
    ];
  }

  /** Backlog batches that may wait for their PUBACK now. */
  get mostInFlight(): number {
    return this.inFlight.mostNow;
  }

  /** Batches that may wait for their commit now, if more of the backlog is to be sent. */
  get mostUncommitted(): number {
    return this.uncommitted.mostNow;
  }

  reset(): void {
    this.inFlight.reset();
    this.uncommitted.reset();
  }

  /** Whether one more of the backlog may go. */
  hasRoom(inFlight: number, nowMs: number): boolean {
    return inFlight < this.mostInFlight && this.buckets.every(({ bucket }) => bucket.has(nowMs));
  }

  /** Of the backlog. */
  sent(bytes: number): void {
    for (const { bucket, amountOf } of this.buckets) bucket.take(amountOf(bytes));
  }

  /** By PUBACK, of either lane: both go the same way. */
  answered(sentAtMs: number, nowMs: number): void {
    this.inFlight.answered(sentAtMs, nowMs);
  }

  /** The broker did not take it: e.g. a quota is used up. */
  refused(sentAtMs: number, nowMs: number): void {
    this.inFlight.slow(sentAtMs, nowMs);
  }

  /** A batch of the backlog that was sent at that time, and so many that were committed since the last one. */
  committed(sentAtMs: number, nowMs: number, batches: number): void {
    this.uncommitted.answered(sentAtMs, nowMs, batches);
  }
}

/** A token bucket. What is taken may be more than is there: then nothing goes until it is paid for. */
class Bucket {
  private readonly perSecond: number;
  private tokens: number;
  private atMs: number | null = null;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
    this.tokens = perSecond;
  }

  has(nowMs: number): boolean {
    const passedMs = nowMs - (this.atMs ?? nowMs);
    this.atMs = nowMs;
    this.tokens = Math.min(this.perSecond, this.tokens + (passedMs / secondMs) * this.perSecond);
    return this.tokens > 0;
  }

  take(amount: number): void {
    this.tokens -= amount;
  }
}
