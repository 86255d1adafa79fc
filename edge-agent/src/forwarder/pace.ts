/**
 * How fast the backlog goes beside the live batches. What is sent queues up wherever the way is narrow (a modem, a busy broker),
 * and a live batch waits behind it there: so no more of the backlog is under way than is answered soon.
 *
 * An answer that takes `mostQueueMs` longer than the quickest of its session has waited in a queue: then half as many batches
 * go at once, and after each round of quick answers one more. Where the settings bound messages or bytes a second, what was not
 * used is saved up for one second at most.
 */
export type PaceOptions = {
  /** Backlog batches under way at most, however quick the answers are. */
  readonly mostInFlight: number;
  readonly messagesPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
};

const mostQueueMs = 300;
const secondMs = 1_000;

export class Pace {
  private readonly mostInFlight: number;
  private readonly buckets: { readonly messages: Bucket | null; readonly bytes: Bucket | null };
  private window = 1;
  /** Until the first slow answer each quick one makes room for another: a fast link is filled within a few rounds. */
  private isFinding = true;
  private quickestMs = Number.POSITIVE_INFINITY;
  /** Sent before: what these answers tell is known already. */
  private slowedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ mostInFlight, messagesPerSecond, bytesPerSecond }: PaceOptions) {
    this.mostInFlight = mostInFlight;
    this.buckets = {
      messages: messagesPerSecond === undefined ? null : new Bucket(messagesPerSecond),
      bytes: bytesPerSecond === undefined ? null : new Bucket(bytesPerSecond),
    };
  }

  /** Backlog batches that may be under way. */
  get mostNow(): number {
    return Math.max(1, Math.min(this.mostInFlight, Math.floor(this.window)));
  }

  /** Over a new connection everything may be different. */
  reset(): void {
    this.window = 1;
    this.isFinding = true;
    this.quickestMs = Number.POSITIVE_INFINITY;
    this.slowedAtMs = Number.NEGATIVE_INFINITY;
  }

  hasRoom(underWay: number, nowMs: number): boolean {
    const { messages, bytes } = this.buckets;
    return underWay < this.mostNow && (messages?.has(nowMs) ?? true) && (bytes?.has(nowMs) ?? true);
  }

  /** Of the backlog. */
  sent(bytes: number): void {
    this.buckets.messages?.take(1);
    this.buckets.bytes?.take(bytes);
  }

  /** Of either lane: both go the same way. */
  answered(sentAtMs: number, nowMs: number): void {
    const tookMs = nowMs - sentAtMs;
    this.quickestMs = Math.min(this.quickestMs, tookMs);
    if (tookMs > this.quickestMs + mostQueueMs) this.slow(sentAtMs, nowMs);
    else this.window = Math.min(this.mostInFlight, this.window + (this.isFinding ? 1 : 1 / this.window));
  }

  /** The broker did not take it: e.g. a quota is used up. */
  refused(sentAtMs: number, nowMs: number): void {
    this.slow(sentAtMs, nowMs);
  }

  private slow(sentAtMs: number, nowMs: number): void {
    if (sentAtMs < this.slowedAtMs) return;
    this.isFinding = false;
    this.slowedAtMs = nowMs;
    this.window = Math.max(1, this.window / 2);
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
