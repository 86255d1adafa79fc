/**
 * Knows since when the event loop has been held up. An answer that came meanwhile is seen only afterwards: whoever takes the
 * time of that for the time of the answer is wrong by up to the whole stall, seconds while a large library is loaded.
 */
import type { Clock, Histogram, Metrics } from '@fieldline/shared/runtime';
import { slotMs } from './poller/timetable.ts';

/** On the slots of the poller: the machine is not woken for it alone. */
const beatMs = slotMs;
/** Timers count whole ms. */
const earlyMs = 1;
/** Beats are late by some milliseconds on any machine. */
const shortestStallMs = 100;
const delayBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

export class StallWatch {
  private readonly clock: Clock;
  private readonly delay: Histogram;
  private beatAtMs: number;
  private stall = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.NEGATIVE_INFINITY };
  private timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, metrics: Metrics) {
    this.clock = clock;
    this.delay = metrics.histogram(
      'fieldline_agent_event_loop_delay_seconds',
      'How late the event loop was for a beat that comes every 50 ms',
      delayBuckets,
    );
    this.beatAtMs = clock.monotonicMs();
    this.next();
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
    clearTimeout(this.timer);
  }

  private next(): void {
    const nowMs = this.clock.monotonicMs();
    const dueMs = (Math.floor((nowMs + earlyMs) / beatMs) + 1) * beatMs;
    this.timer = setTimeout(() => {
      this.delay.observe(Math.max(0, this.clock.monotonicMs() - dueMs) / 1_000);
      this.beat();
      this.next();
    }, dueMs - nowMs);
    this.timer.unref();
  }

  private beat(): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.beatAtMs >= shortestStallMs) this.stall = { fromMs: this.beatAtMs, toMs: nowMs };
    this.beatAtMs = nowMs;
  }
}
