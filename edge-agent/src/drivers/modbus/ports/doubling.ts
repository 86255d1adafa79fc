/** One seen twice is not the last: a repeater in the line, or a converter, does it again. */
const rememberedMs = 600_000;

/**
 * Whether a line brings replies twice, or ones that nobody waits for any more: then the second one would be taken for the reply to the
 * next request, and each real one for that after. It outlives the connections of its link.
 */
export class Doubling {
  private untilMs = Number.NEGATIVE_INFINITY;

  /** Since the last one not so long has passed that it may be forgotten. */
  get isSuspected(): boolean {
    return performance.now() < this.untilMs;
  }

  /** True if it was not suspected. */
  seen(): boolean {
    const isNews = !this.isSuspected;
    this.untilMs = performance.now() + rememberedMs;
    return isNews;
  }
}
