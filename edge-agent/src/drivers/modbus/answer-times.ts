/**
 * What one unit takes to answer, beside the time on the wire: a number that only the device knows, that the plan of a serial line
 * depends on, and that tells how long to wait for it. A single answer says little: devices are busy now and then, and so are we. So
 * answers are taken in rounds, of which the median counts, and what was known before fades slowly.
 */
const answersOfRound = 16;
/** What a new round changes of what was known. */
const shareOfRound = 1 / 8;

export class AnswerTimes {
  private round: number[] = [];
  private knownMs: number | null;

  /** `learnedMs`: by an earlier run. */
  constructor(learnedMs: number | null = null) {
    this.knownMs = learnedMs;
  }

  /** null before the first round is over. */
  get typicalMs(): number | null {
    return this.knownMs;
  }

  answered(afterMs: number): void {
    this.round.push(Math.max(0, afterMs));
    if (this.round.length < answersOfRound) return;
    const medianMs = this.round.sort((one, other) => one - other)[answersOfRound / 2] ?? 0;
    this.round = [];
    this.knownMs = this.knownMs === null ? medianMs : this.knownMs + (medianMs - this.knownMs) * shareOfRound;
  }
}
