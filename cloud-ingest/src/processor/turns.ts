/**
 * Which lane may begin a transaction. They go one after the other as long as that keeps up: transactions are larger then, so
 * that fewer compressed batches are in the way of who reads a series, and readers have a core of the database to themselves. A lane
 * in which much waits begins beside the others, and so does one that has waited long: what holds the other up, e.g. a chunk that
 * is being merged, is none of its business.
 */
import { createBell } from '../backbone/bell.ts';
import type { Intake } from './intake.ts';

const longestWaitMs = 250;

export class Turns {
  private underWay = 0;
  /** The lane that waits longest is the first. */
  private readonly waiting: Intake[] = [];
  private readonly ended = createBell();

  /** Resolves when a transaction of this lane may begin, or the signal is aborted. To be ended in either case. */
  async begin(intake: Intake, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const until = AbortSignal.any([signal, enough.signal]);
    const long = setTimeout(() => enough.abort(), longestWaitMs);
    this.waiting.push(intake);
    while (!this.isNext(intake) && !intake.isHalfFull && !until.aborted)
      await Promise.race([this.ended.next(until), intake.untilHalfFull(until)]);
    this.waiting.splice(this.waiting.indexOf(intake), 1);
    clearTimeout(long);
    // Nobody stays behind to be woken.
    enough.abort();
    this.underWay += 1;
  }

  end(): void {
    this.underWay -= 1;
    this.ended.ring();
  }

  private isNext(intake: Intake): boolean {
    return this.underWay === 0 && this.waiting[0] === intake;
  }
}
