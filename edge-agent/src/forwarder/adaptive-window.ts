/**
 * How many may be under way at once, found out from how long answers take: an answer that takes `slowerMs` longer than the
 * quickest has waited in a queue somewhere. Then half as many may go, and after each round of quick answers one part in so many
 * more. Until the first slow one each quick answer makes room for another: a fast way is filled within a few rounds.
 */
export type WindowOptions = {
  readonly least: number;
  readonly first: number;
  readonly most: number;
  readonly slowerMs: number;
};

export class AdaptiveWindow {
  private readonly options: WindowOptions;
  private size: number;
  private isFinding = true;
  private quickestMs = Number.POSITIVE_INFINITY;
  /** What was sent before tells nothing new. */
  private slowedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: WindowOptions) {
    this.options = options;
    this.size = options.first;
  }

  get mostNow(): number {
    return Math.floor(this.size);
  }

  /** Over a new connection everything may be different. */
  reset(): void {
    this.size = this.options.first;
    this.isFinding = true;
    this.quickestMs = Number.POSITIVE_INFINITY;
    this.slowedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** `answers`: how many were answered together. */
  answered(sentAtMs: number, nowMs: number, answers = 1): void {
    const tookMs = nowMs - sentAtMs;
    this.quickestMs = Math.min(this.quickestMs, tookMs);
    if (tookMs > this.quickestMs + this.options.slowerMs) this.slow(sentAtMs, nowMs);
    else {
      const more = this.isFinding ? answers : (answers * this.options.least) / this.size;
      this.size = Math.min(this.options.most, this.size + more);
    }
  }

  slow(sentAtMs: number, nowMs: number): void {
    if (sentAtMs < this.slowedAtMs) return;
    this.isFinding = false;
    this.slowedAtMs = nowMs;
    this.size = Math.max(this.options.least, this.size / 2);
  }
}
