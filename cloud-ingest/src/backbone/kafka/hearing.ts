/**
 * Whether Kafka answers a consumer. Two things are listened for: the ends of the log that are asked for now and then, which an
 * idle topic has as well and which are told during a rebalance too; and that a member that dropped out of its group is in it
 * again. Pure.
 */
import type { Silence } from '../backbone.ts';

type Interruption = { readonly sinceMs: number; readonly reason: string };

export class Hearing {
  private readonly patienceMs: number;
  private answeredMs: number;
  private reason = 'no answer yet';
  private interruption: Interruption | null = null;

  constructor(patienceMs: number, nowMs: number) {
    this.patienceMs = patienceMs;
    this.answeredMs = nowMs;
  }

  answered(nowMs: number): void {
    this.answeredMs = nowMs;
  }

  failed(reason: string): void {
    this.reason = reason;
  }

  /** Out of the group; tried again. The first of several counts. */
  interrupted(reason: string, nowMs: number): void {
    this.interruption = { sinceMs: this.interruption?.sinceMs ?? nowMs, reason };
  }

  joined(): void {
    this.interruption = null;
  }

  silence(nowMs: number): Silence | null {
    const unanswered = { sinceMs: this.answeredMs, reason: this.reason };
    const { interruption } = this;
    const isOlder = interruption !== null && interruption.sinceMs < unanswered.sinceMs;
    const { sinceMs, reason } = isOlder ? interruption : unanswered;
    const forMs = nowMs - sinceMs;
    return forMs > this.patienceMs ? { forMs, reason } : null;
  }
}
