import { type AnswerTime, AnswerTimes } from './answer-times.ts';
import type { AnswersAs } from './ports/frame-port.ts';
import { UnitGuard } from './unit-guard.ts';
import { UnitRetries } from './unit-retries.ts';

/** A quick probe waits so many times as long as the unit has taken at most, and for serial adapters, which hand bytes on late. */
const timesLongest = 2;
const adapterMs = 20;
/** Only where it is worth it. */
const shareOfTimeout = 0.5;

/** What is known of one unit of a link. */
export class Unit {
  readonly guard = new UnitGuard();
  readonly retries = new UnitRetries();
  readonly answersAs: AnswersAs;
  readonly answers: AnswerTimes;

  constructor(answersAs: AnswersAs, learned: AnswerTime | null) {
    this.answersAs = answersAs;
    this.answers = new AnswerTimes(learned);
  }

  /** How long a probe waits that is to cost little; null: it is not known what the unit takes, or it is not worth it. */
  quickTimeoutMs(timeoutMs: number): number | null {
    const { time } = this.answers;
    if (time === null) return null;
    const quickMs = Math.ceil(timesLongest * time.longestMs) + adapterMs;
    return quickMs <= timeoutMs * shareOfTimeout ? quickMs : null;
  }
}
