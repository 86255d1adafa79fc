/**
 * What the requests of one reader meet turn after turn: an exception, or answers that are none. One of them says little; what
 * comes in three turns in a row is told, and a device failure that does is no longer taken to be of the whole device unasked.
 */
import type { Block, Span } from './blocks.ts';
import type { NoValues } from './reply-quality.ts';

/** The code of an exception, or a damaged or foreign answer. */
export type Because = number | 'garbled';

const lastingTurns = 3;
/** Where a request was divided in vain, that is done again after twice as many turns, up to so many. */
const maxDivideTurns = 192;

type Streak = {
  readonly because: Because;
  turns: number;
  divideAt: number;
  divideAfter: number;
  told: boolean;
};

export class LastingTrouble<P extends Span> {
  private readonly streaks = new Map<Block<P>, Streak>();

  /** What came of a request in this turn. */
  came(block: Block<P>, reply: NoValues): void {
    const because = becauseOf(reply);
    const known = this.streaks.get(block);
    if (because === null) this.streaks.delete(block);
    else if (known?.because === because) known.turns += 1;
    else {
      const told = known?.told ?? false;
      this.streaks.set(block, { because, turns: 1, divideAt: lastingTurns, divideAfter: lastingTurns, told });
    }
  }

  /** True where its end should be told, because the trouble was. */
  ended(block: Block<P>): boolean {
    if (this.streaks.size === 0) return false;
    const wasTold = this.streaks.get(block)?.told ?? false;
    this.streaks.delete(block);
    return wasTold;
  }

  /** Whether to find out in this turn if a part of it is answered. */
  mayDivide(block: Block<P>): boolean {
    const streak = this.streaks.get(block);
    if (streak === undefined || streak.turns < streak.divideAt) return false;
    streak.divideAfter = Math.min(streak.divideAfter * 2, maxDivideTurns);
    streak.divideAt = streak.turns + streak.divideAfter;
    return true;
  }

  /** What lasts of a request; null: nothing does. */
  of(block: Block<P>): Because | null {
    const streak = this.streaks.get(block);
    return streak === undefined || streak.turns < lastingTurns ? null : streak.because;
  }

  /** The same, once for each trouble. */
  news(block: Block<P>): Because | null {
    const streak = this.streaks.get(block);
    if (streak === undefined || streak.told || streak.turns < lastingTurns) return null;
    streak.told = true;
    return streak.because;
  }

  /** Its requests are others now. */
  clear(): void {
    this.streaks.clear();
  }
}

function becauseOf(reply: NoValues): Because | null {
  if (reply.kind === 'exception') return reply.code;
  return reply.kind === 'garbled' ? 'garbled' : null;
}
