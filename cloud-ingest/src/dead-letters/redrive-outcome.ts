/** What redriving a letter comes to: for the operator, and for the letter. */
import type { DeadLetter } from './dead-letter.ts';
import type { Attempt, Letter } from './letters.ts';

export type Trouble = Pick<DeadLetter, 'stage' | 'code' | 'reason'>;

export type Outcome =
  /** `left`: samples of the letter, or of the batch that it held, that are dead letters still; `why` where there are any. */
  | {
      readonly kind: 'stored';
      readonly what: string;
      readonly samples: number;
      readonly left: number;
      readonly why: Trouble | null;
    }
  /** The state or birth of a gateway was taken in. */
  | { readonly kind: 'applied'; readonly what: string }
  /** There is nothing left to do for it: the letter is closed. */
  | { readonly kind: 'needless'; readonly why: string }
  | { readonly kind: 'dead'; readonly why: Trouble }
  /** Nothing was tried: the letter is as it was. `isDone`: because it was redriven before. */
  | { readonly kind: 'untried'; readonly why: string; readonly isDone: boolean };

/** `attempt` is what the letter says from now on; null where it stays as it is. */
export type Result = { readonly outcome: Outcome; readonly attempt: Attempt | null };

export const untried = (why: string, isDone = false): Result => ({
  outcome: { kind: 'untried', why, isDone },
  attempt: null,
});

export const dead = ({ redriven }: Letter, why: Trouble): Result => ({
  outcome: { kind: 'dead', why },
  attempt: { redriven, trouble: why, isOpen: true },
});

/** The letter is done with; why it was one stays. */
export const closed = ({ positions }: Letter, outcome: Outcome): Result => ({
  outcome,
  attempt: { redriven: positions ?? [], trouble: null, isOpen: false },
});
