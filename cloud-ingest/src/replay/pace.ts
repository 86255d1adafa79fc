/**
 * How much a replay does at once, and how long it rests. A transaction holds the ledger rows of its gateways, so its length
 * is what the replay adds to the latency of live data: it is kept near `targetMs` by the number of samples in it.
 */
const targetMs = 250;
const minSamples = 500;
const maxSamples = 50_000;

export class Pace {
  samplesAtOnce: number;
  private readonly samplesPerSecond: number | null;
  private readonly most: number;
  private dueMs = Number.NEGATIVE_INFINITY;

  /** `samplesPerSecond` null: half of what it could do. */
  constructor(samplesPerSecond: number | null) {
    this.samplesPerSecond = samplesPerSecond;
    this.most = Math.max(minSamples, Math.min(maxSamples, samplesPerSecond ?? maxSamples));
    this.samplesAtOnce = Math.min(5_000, this.most);
  }

  /** After a transaction: for how many ms to rest. */
  restMs(samples: number, tookMs: number, nowMs: number): number {
    this.adapt(samples, tookMs);
    if (this.samplesPerSecond === null) return tookMs;
    // Time in which it waited for others is not made up for: that would be a burst.
    this.dueMs = Math.max(this.dueMs, nowMs - tookMs) + (samples / this.samplesPerSecond) * 1_000;
    return Math.max(0, this.dueMs - nowMs);
  }

  private adapt(samples: number, tookMs: number): void {
    if (tookMs > 2 * targetMs) this.samplesAtOnce = Math.max(minSamples, this.samplesAtOnce >> 1);
    else if (tookMs < targetMs / 2 && samples >= this.samplesAtOnce / 2)
      this.samplesAtOnce = Math.min(this.most, this.samplesAtOnce * 2);
  }
}
