import { AnswerTimes } from './answer-times.ts';
import type { AnswersAs } from './ports/frame-port.ts';
import { UnitGuard } from './unit-guard.ts';
import { UnitRetries } from './unit-retries.ts';

/** A quick probe waits so many times as long as the unit typically takes, and for serial adapters, which hand bytes on late. */
const timesTypical = 3;
const adapterMs = 20;
/** Only where it is worth it. */
const shareOfTimeout = 0.5;

/** What is known of one unit of a link. */
export class Unit {
  readonly guard = new UnitGuard();
  readonly retries = new UnitRetries();
  readonly answersAs: AnswersAs;
  readonly answers: AnswerTimes;

  constructor(answersAs: AnswersAs, learnedMs: number | null) {
    this.answersAs = answersAs;
    this.answers = new AnswerTimes(learnedMs);
  }

  /**
   * How long a probe waits that is to cost little; null: it is not known what the unit takes, or it is not worth it. `silenceMs`: until
   * the unit knows that the request has ended.
   */
  quickTimeoutMs(timeoutMs: number, silenceMs: number): number | null {
    const { typicalMs } = this.answers;
    if (typicalMs === null) return null;
    const quickMs = Math.ceil(timesTypical * typicalMs + silenceMs) + adapterMs;
    return quickMs <= timeoutMs * shareOfTimeout ? quickMs : null;
  }
}
