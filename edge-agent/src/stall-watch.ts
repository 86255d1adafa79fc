/**
 * Knows since when the event loop has been held up. An answer that came meanwhile is seen only afterwards: whoever takes the
 * time of that for the time of the answer is wrong by up to the whole stall, seconds while a large library is loaded.
 */
import type { Clock } from '@fieldline/shared/runtime';

const beatMs = 50;
/** Beats are late by some milliseconds on any machine. */
const shortestStallMs = 100;

export class StallWatch {
  private readonly clock: Clock;
  private beatAtMs: number;
  private stall = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.NEGATIVE_INFINITY };
  private readonly timer: NodeJS.Timeout;

  constructor(clock: Clock) {
    this.clock = clock;
    this.beatAtMs = clock.monotonicMs();
    this.timer = setInterval(() => this.beat(), beatMs);
    this.timer.unref();
  }

  /**
   * Of what is seen now, and was waited for since `sinceMs`: when the loop was last free to see it, if it was held up until a moment
   * ago; else null. By the monotonic clock.
   */
  heldSinceMs(sinceMs: number): number | null {
    this.beat();
    const { fromMs, toMs } = this.stall;
    const wasHeld = toMs > sinceMs && this.clock.monotonicMs() - toMs < shortestStallMs;
    return wasHeld ? Math.max(sinceMs, fromMs) : null;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private beat(): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.beatAtMs >= shortestStallMs) this.stall = { fromMs: this.beatAtMs, toMs: nowMs };
    this.beatAtMs = nowMs;
  }
}
