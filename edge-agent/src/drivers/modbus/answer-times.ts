/**
 * What one unit takes to answer, beside the time on the wire: a number that only the device knows, that the plan of a serial line
 * depends on, and that tells how long to wait for it. A single answer says little: devices are busy now and then, and so are we. So
 * answers are taken in rounds; of each the median and the longest count, and what was known before fades slowly.
 */
export type AnswerTime = {
  /** Of a round, the middle answer. */
  readonly typicalMs: number;
  readonly longestMs: number;
};

const answersOfRound = 16;
/** What a new round changes of what was known. */
const shareOfRound = 1 / 8;

export class AnswerTimes {
  private round: number[] = [];
  private known: AnswerTime | null;

  /** `learned`: by an earlier run. */
  constructor(learned: AnswerTime | null = null) {
    this.known = learned;
  }

  /** null before the first round is over. */
  get time(): AnswerTime | null {
    return this.known;
  }

  answered(afterMs: number): void {
    this.round.push(Math.max(0, afterMs));
    if (this.round.length < answersOfRound) return;
    const sorted = this.round.sort((one, other) => one - other);
    this.round = [];
    this.learn(sorted[answersOfRound / 2] ?? 0, sorted.at(-1) ?? 0);
  }

  private learn(typicalMs: number, longestMs: number): void {
    if (this.known === null) {
      this.known = { typicalMs, longestMs };
      return;
    }
    const faded = (before: number, now: number): number => before + (now - before) * shareOfRound;
    this.known = {
      typicalMs: faded(this.known.typicalMs, typicalMs),
      // A longer one counts at once: who waits too short a time does not hear it.
      longestMs: Math.max(longestMs, faded(this.known.longestMs, longestMs)),
    };
  }
}
