import type { Micros, QualityCode } from '@fieldline/shared/contracts';

/**
 * One series while its samples pass, in the order of the journal. Of one that may be thinned stays the first sample of each
 * interval (`floor(time / thinToMs)`), and each whose quality differs from that of the sample before it: a trend keeps its shape, and no
 * fault is hidden. Times that step back begin an interval anew: rather one sample more than one less.
 */
export class Series {
  readonly device: string;
  readonly tag: string;
  /** How many were taken out, and the first and last time of these. */
  taken = 0;
  from: Micros = Number.POSITIVE_INFINITY;
  to: Micros = Number.NEGATIVE_INFINITY;
  private readonly everyMicros: number | null;
  private interval: number | undefined;
  private quality: QualityCode | undefined;

  constructor(device: string, tag: string, thinToMs: number | null) {
    this.device = device;
    this.tag = tag;
    this.everyMicros = thinToMs === null ? null : thinToMs * 1_000;
  }

  /** Whether the next sample stays. */
  keeps(time: Micros, quality: QualityCode): boolean {
    if (this.everyMicros === null) return true;
    const interval = Math.floor(time / this.everyMicros);
    const stays = interval !== this.interval || quality !== this.quality;
    this.interval = interval;
    this.quality = quality;
    if (!stays) this.take(time);
    return stays;
  }

  private take(time: Micros): void {
    this.taken += 1;
    this.from = Math.min(this.from, time);
    this.to = Math.max(this.to, time);
  }
}
