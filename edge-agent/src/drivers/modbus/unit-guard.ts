/**
 * So many requests in a row without an answer, and a unit is asked only now and then. On a line that loses answers it is more: as many as
 * are lost in a row once in a thousand.
 */
const [leastSilences, mostSilences] = [3, 8];
const seldom = 0.001;
/** Of how many of the last requests, about, the share of lost answers is taken. */
const lossesRemembered = 20;
/** What a silent unit may cost the others of its link: after a request in vain it is left alone for so many times as long. */
const pausePerCost = 50;
/** The same where there are quick probes: three quarters of what it may cost is theirs, so that they are frequent. */
const pausePerQuickCost = 67;
const pausePerCostBesideQuick = 200;
/** Where there are no others, its return is noticed sooner. */
const firstPauseAlone = 2;
const maxPauseAlone = 10;

/** What counts as no answer: none, or what is none to the request. */
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
  /** It was waited for no longer than such a unit has taken so far. */
  readonly isQuick: boolean;
  /** What such a probe costs; null: it is not known how long to wait. */
  readonly quickCostMs: number | null;
};

/**
 * What a silent unit may cost its bus: a circuit breaker for one unit of one link. After so many requests in vain it is
 * left alone for pauses that follow from what each of them cost; at the end of each a single request is let through, and one
 * answer puts all right. So in any time t it holds the link for the cost of those first few, and of what follows for less
 * than t ÷ 51: under 2 %.
 *
 * Where it is known how long the unit takes to answer, quick probes find it back sooner. One that takes longer than it did, as after
 * a repair, would never be found so: requests that wait for the whole time-out go on beside them, less often. Together they hold
 * the link for less than t ÷ 68 + t ÷ 201, which is under 2 % too.
 */
export class UnitGuard {
  private readonly random: () => number;
  private silences = 0;
  /** Share of the requests without an answer, as long as the unit was not given up. */
  private loss = 0;
  private limit = leastSilences;
  private reason: Silence = 'timeout';
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private quickNotBeforeMs = Number.POSITIVE_INFINITY;

  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  get isOpen(): boolean {
    return this.silences >= this.limit;
  }

  get because(): Silence {
    return this.reason;
  }

  /** Whatever is to be asked, for as long as the unit may take. */
  mayAsk(nowMs: number): boolean {
    return nowMs >= this.notBeforeMs;
  }

  mayProbeQuickly(nowMs: number): boolean {
    return this.isOpen && nowMs >= this.quickNotBeforeMs;
  }

  /** True if the unit had been given up. */
  answered(): boolean {
    const wasOpen = this.isOpen;
    for (let lost = 0; lost < this.silences && !wasOpen; lost++) this.loss += (1 - this.loss) / lossesRemembered;
    this.loss -= this.loss / lossesRemembered;
    this.limit = limitOf(this.loss);
    this.silences = 0;
    this.askSoon();
    return wasOpen;
  }

  /** There is reason to hope for an answer. */
  askSoon(): void {
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  /** True if the unit is given up by this. */
  silent(inVain: InVain): boolean {
    const { because, nowMs, costMs, holdOffMs, isQuick, quickCostMs } = inVain;
    this.silences += 1;
    this.reason = because;
    const isGivenUp = this.silences === this.limit;
    if (isGivenUp || isQuick) {
      const nextCostMs = isQuick ? costMs : (quickCostMs ?? Number.POSITIVE_INFINITY);
      this.quickNotBeforeMs = nowMs + Math.max(nextCostMs * pausePerQuickCost * this.jitter(), holdOffMs);
    }
    if (!isQuick) this.notBeforeMs = nowMs + Math.max(this.isOpen ? this.pauseMs(inVain) : 0, holdOffMs);
    return isGivenUp;
  }

  private pauseMs({ costMs, isAlone, quickCostMs }: InVain): number {
    if (isAlone) {
      const growing = firstPauseAlone * 2 ** Math.min(this.silences - this.limit, 10);
      return costMs * Math.min(maxPauseAlone, growing) * this.jitter();
    }
    return costMs * (quickCostMs === null ? pausePerCost : pausePerCostBesideQuick) * this.jitter();
  }

  /** On top, so that silent units are not asked all at once. */
  private jitter(): number {
    return 1 + this.random() / 2;
  }
}

function limitOf(loss: number): number {
  if (loss <= 0) return leastSilences;
  return Math.max(leastSilences, Math.min(mostSilences, Math.ceil(Math.log(seldom) / Math.log(loss))));
}
