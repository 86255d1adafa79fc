import type { Micros } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';

const firstPauseMs = 10_000;
const maxPauseMs = 600_000;
/** After so many looks the pauses grow no more. */
export const looksToLongest = Math.ceil(Math.log2(maxPauseMs / firstPauseMs));
const neverMs = Number.POSITIVE_INFINITY;

/** How far a schedule has come, by the time of day: it outlives a restart. */
export type LookState = { readonly looks: number; readonly next: Micros };

/**
 * When a device is asked again for what it refused: after 10 s at most, then after pauses that double with each look in vain, up to
 * ten minutes. Each is between half and all of that, so that what was refused at once is not asked for at once.
 */
export class LookAgain {
  private readonly clock: Clock;
  private readonly random: () => number;
  private looks = 0;
  private atMs = neverMs;

  constructor(clock: Clock, random: () => number = Math.random) {
    this.clock = clock;
    this.random = random;
  }

  get isDue(): boolean {
    return this.clock.monotonicMs() >= this.atMs;
  }

  /** null: there is nothing to look for. */
  get state(): LookState | null {
    if (this.atMs === neverMs) return null;
    const inMs = this.atMs - this.clock.monotonicMs();
    return { looks: this.looks, next: this.clock.now() + Math.round(inMs * 1_000) };
  }

  /** Something was refused for the first time. What was set before stays. */
  begin(): void {
    if (this.atMs === neverMs) this.setNext();
  }

  looked(): void {
    this.looks += 1;
    this.setNext();
  }

  /** Something is there again: the rest is looked for soon. */
  found(): void {
    this.looks = 0;
  }

  end(): void {
    this.atMs = neverMs;
  }

  /** The schedule of another that comes sooner becomes this one's. */
  adopt(other: LookAgain): void {
    if (other.atMs >= this.atMs) return;
    this.looks = other.looks;
    this.atMs = other.atMs;
  }

  /**
   * Goes on where an earlier run stood. What was due meanwhile is looked for soon after the start, but not with the first requests; and
   * as the clock may have been set meanwhile, no pause is longer than it would have been without the restart.
   */
  resume({ looks, next }: LookState): void {
    const inMs = (next - this.clock.now()) / 1_000;
    const pauseMs = Math.min(Math.max(inMs, firstPauseMs * this.jitter()), nominalMs(looks));
    this.looks = looks;
    this.atMs = this.clock.monotonicMs() + pauseMs;
  }

  private setNext(): void {
    this.atMs = this.clock.monotonicMs() + nominalMs(this.looks) * this.jitter();
  }

  private jitter(): number {
    return 0.5 + this.random() / 2;
  }
}

const nominalMs = (looks: number): number => Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(looks, looksToLongest));
