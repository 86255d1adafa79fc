/**
 * Times that a clock gave which was not set, as µs of the boot. Such a clock may be stepped and still not be set: its distance
 * from the boot is noted whenever samples come, so a sample that was stamped just before a step is told from one after it.
 */
import type { Micros, Sample } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { type Boot, isBelieved } from './boot.ts';
import { uncertain } from './uncertain.ts';

/** Two readings of clock and boot differ by less; a step is more. */
const stepMicros = 50_000;
/** A sample may seem to be this much younger than now: the clocks are not read at one instant. */
const toleranceMicros = 5_000;

export class UnsetTimes {
  private readonly clock: Clock;
  private readonly boot: Boot;
  /** What the clock showed less the µs of the boot: the newest, and the one before the last step. */
  private distances: readonly number[] = [];
  /** µs of the boot when the clock was last seen unset. */
  private seenUnsetAt = 0;

  constructor(clock: Clock, boot: Boot) {
    this.clock = clock;
    this.boot = boot;
  }

  /** Gives the µs of the boot. */
  observe(): number {
    const [now, at] = [this.clock.now(), this.boot.micros()];
    if (isBelieved(now)) return at;
    const distance = now - at;
    const [newest = Number.POSITIVE_INFINITY, before] = this.distances;
    const known = Math.abs(distance - newest) > stepMicros ? newest : before;
    this.distances = [distance, ...(known === undefined || known === Number.POSITIVE_INFINITY ? [] : [known])];
    this.seenUnsetAt = at;
    return at;
  }

  /**
   * A sample with the µs of the boot for its time. A time that is believed stays: a server may know better than we do. One that
   * our clock cannot have given is that of a server whose clock is not set either: the time of arrival is nearest, and not sure.
   */
  sinceBoot(sample: Sample, at: number): Sample {
    if (isBelieved(sample.time)) return sample;
    const time = this.within(sample.time, at);
    return time === null ? uncertain({ ...sample, time: at }) : { ...sample, time };
  }

  /** The same for a time that is not a sample's. */
  timeSinceBoot(time: Micros, at: number): number {
    return isBelieved(time) ? time : (this.within(time, at) ?? at);
  }

  /** A sample that was stamped before time came, and given after it. `offset`: what makes a time of the µs of the boot. */
  date(sample: Sample, offset: Micros): Sample {
    if (isBelieved(sample.time)) return sample;
    const time = this.within(sample.time, this.seenUnsetAt);
    return time === null ? sample : { ...sample, time: time + offset };
  }

  /** A time of our clock in µs of the boot, as near to `at` as it can be; null where it cannot be one. */
  private within(time: Micros, at: number): number | null {
    const possible = this.distances
      .map((distance) => time - distance)
      .filter((micros) => micros >= 0 && micros <= at + toleranceMicros);
    return possible.length === 0 ? null : Math.max(...possible);
  }
}
