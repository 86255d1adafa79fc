/** So many requests in a row without an answer, and a unit is asked only now and then. */
const silentLimit = 3;
/** What a silent unit may cost the others of its link: after a request in vain it is left alone for so many times as long. */
const pausePerCost = 50;
/** Where there are no others, its return is noticed sooner. */
const firstPauseAlone = 2;
const maxPauseAlone = 10;

/** What counts as no answer: none, or nothing that could be read. */
export type Silence = 'timeout' | 'garbled';

export type InVain = {
  readonly because: Silence;
  readonly nowMs: number;
  /** How long the request held its link, what has to pass before the next one included. */
  readonly costMs: number;
  /** Not asked again that long in any case. */
  readonly holdOffMs: number;
  /** No other unit is on the link. */
  readonly isAlone: boolean;
};

/**
 * What a silent unit may cost its bus: a circuit breaker for one unit of one link. After `silentLimit` requests in vain it is
 * left alone for pauses that follow from what each of them cost; at the end of each a single request is let through, and one
 * answer puts all right. So in any time t it holds the link for the cost of those first few, and of what follows for less
 * than t ÷ 51: under 2 %.
 */
export class UnitGuard {
  private readonly random: () => number;
  private silences = 0;
  private reason: Silence = 'timeout';
  private notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  get isOpen(): boolean {
    return this.silences >= silentLimit;
  }

  get because(): Silence {
    return this.reason;
  }

  mayAsk(nowMs: number): boolean {
    return nowMs >= this.notBeforeMs;
  }

  /** True if the unit had been given up. */
  answered(): boolean {
    const wasOpen = this.isOpen;
    this.silences = 0;
    this.askSoon();
    return wasOpen;
  }

  /** There is reason to hope for an answer. */
  askSoon(): void {
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  /** True if the unit is given up by this. */
  silent({ because, nowMs, costMs, holdOffMs, isAlone }: InVain): boolean {
    this.silences += 1;
    this.reason = because;
    const pauseMs = this.isOpen ? costMs * this.pauseFactor(isAlone) : 0;
    this.notBeforeMs = nowMs + Math.max(pauseMs, holdOffMs);
    return this.silences === silentLimit;
  }

  /** With jitter on top, so that silent units are not asked all at once. */
  private pauseFactor(isAlone: boolean): number {
    const growing = firstPauseAlone * 2 ** Math.min(this.silences - silentLimit, 10);
    return (isAlone ? Math.min(maxPauseAlone, growing) : pausePerCost) * (1 + this.random() / 2);
  }
}
