/**
 * Answers that are not on the disk, by the ids of their commands: those to a flood, which would wear the disk out, and those that
 * the disk did not take. Without them a command that was refused could be carried out when the same message comes again.
 * Invariants: at most `maxHeld`; none goes before its command has expired; they end with the process.
 */
import type { AnswerMessage, Micros } from '@fieldline/shared/contracts';

/** A few MB at most: an answer is some hundred bytes, seldom more than a thousand. */
export const maxHeld = 4_096;

/** What the sender is told of an answer that is held, and of one for which there was no room. */
export const whileHeld = 'this is its answer until it expires or the agent restarts';
export const unheld = 'its id could not be remembered: sent again it may be carried out';

export class HeldAnswers {
  private readonly held = new Map<string, { readonly answer: AnswerMessage; readonly expires: Micros }>();
  /** None expires sooner: spares looking at all of them at each message of a flood. */
  private soonest = Number.POSITIVE_INFINITY;

  find(id: string): AnswerMessage | null {
    return this.held.get(id)?.answer ?? null;
  }

  /** False: there is no room, since too many have not expired. */
  hold(id: string, answer: AnswerMessage, expires: Micros, now: Micros): boolean {
    if (this.held.size >= maxHeld && this.soonest < now) this.forgetExpired(now);
    if (this.held.size >= maxHeld && !this.held.has(id)) return false;
    this.held.set(id, { answer, expires });
    this.soonest = Math.min(this.soonest, expires);
    return true;
  }

  private forgetExpired(now: Micros): void {
    this.soonest = Number.POSITIVE_INFINITY;
    for (const [id, { expires }] of this.held) {
      if (expires < now) this.held.delete(id);
      else this.soonest = Math.min(this.soonest, expires);
    }
  }
}
