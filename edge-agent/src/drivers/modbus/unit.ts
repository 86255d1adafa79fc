import { AnswerTimes } from './answer-times.ts';
import type { Connection } from './connection.ts';
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
  /** Until when a reply to what an earlier connection asked may come by a later one, by the monotonic clock. */
  private owed: { readonly by: Connection; readonly untilMs: number } | null = null;

  constructor(answersAs: AnswersAs, learnedMs: number | null) {
    this.answersAs = answersAs;
    this.answers = new AnswerTimes(learnedMs);
  }

  /** A request that this connection has sent has got no answer; one may come until then. */
  owes(by: Connection, untilMs: number): void {
    this.owed = { by, untilMs };
  }

  /** How long a request by this connection has to wait until no reply can come any more that another one has asked for. */
  owesMs(connection: Connection, nowMs: number): number {
    return this.owed === null || this.owed.by === connection ? 0 : this.owed.untilMs - nowMs;
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
