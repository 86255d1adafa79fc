/** One seen twice is not the last: a repeater in the line, or a converter, does it again. */
const rememberedMs = 600_000;

/**
 * What is known of a line on which a reply does not tell its request, and outlives the connections to it. Times in ms of the monotonic clock.
 *
 * Replies that come twice, or that nobody waits for any more: the second one would be taken for the reply to the next request, and each
 * real one for that after. And a reply to what a connection has asked that is gone: it may come by the next one.
 */
export class LineMemory {
  private doublesUntilMs = Number.NEGATIVE_INFINITY;
  private owedUntilMs = 0;

  /** Whether replies come twice: since the last one not so long has passed that it may be forgotten. */
  get doubles(): boolean {
    return performance.now() < this.doublesUntilMs;
  }

  /** A second reply has come. True if none was expected. */
  seenSecond(): boolean {
    const isNews = !this.doubles;
    this.doublesUntilMs = performance.now() + rememberedMs;
    return isNews;
  }

  /** A request has got no answer; one may come until then. */
  owes(untilMs: number): void {
    this.owedUntilMs = Math.max(this.owedUntilMs, untilMs);
  }

  /** Before that a new connection must ask nothing. */
  get freeAtMs(): number {
    return this.owedUntilMs;
  }
}
