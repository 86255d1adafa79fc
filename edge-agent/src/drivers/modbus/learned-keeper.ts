/**
 * Keeps what was learned of devices for the next start. The medium may be flash: it is written only where there is news, and at most
 * every ten minutes, the first time a minute after the start; and once more at an orderly end.
 */
import type { Clock, Log } from '@fieldline/shared/runtime';
import type { DeviceReading } from './device-reading.ts';
import type { Knowledge, Learned } from './learned.ts';
import type { LineWatch } from './line-watch.ts';
import type { ModbusMetrics } from './metrics.ts';
import { type Bounded, bounded } from './refusals.ts';

const checkEveryMs = 60_000;
const writeEveryMs = 600_000;

export type LearnedKeeperParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ModbusMetrics;
  readonly learned: Learned;
  /** null: it is not kept. */
  readonly file: string | null;
};

export class LearnedKeeper {
  private readonly readings: readonly DeviceReading[];
  private readonly watch: LineWatch;
  private readonly parts: LearnedKeeperParts;
  private timer: NodeJS.Timeout | null = null;
  private keeping: Promise<void> = Promise.resolve();
  private writtenMs = Number.NEGATIVE_INFINITY;
  private isKeeping = false;
  private cannotKeep = false;

  constructor(readings: readonly DeviceReading[], watch: LineWatch, parts: LearnedKeeperParts) {
    this.readings = readings;
    this.watch = watch;
    this.parts = parts;
  }

  start(): void {
    if (this.parts.file === null) return;
    this.timer = setInterval(() => this.check(), checkEveryMs);
    this.timer.unref();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
      await this.keeping;
      const { known, all } = this.gather();
      // Where something is refused it is also kept how far the schedules of looking again have come.
      if (known.refusals.length > 0 || this.parts.learned.isNews(known)) this.keep(known, all);
    }
    await this.keeping;
  }

  private check(): void {
    if (this.isKeeping || this.parts.clock.monotonicMs() - this.writtenMs < writeEveryMs) return;
    const { known, all } = this.gather();
    if (this.parts.learned.isNews(known)) this.keep(known, all);
  }

  private gather(): { readonly known: Knowledge; readonly all: readonly Bounded[] } {
    const all = this.readings.map((reading) => bounded(reading.refusalsKey, reading.learned));
    const refusals = all.map((one) => one.refusals).filter(({ refused, apart }) => refused.length + apart.length > 0);
    return { known: { answers: this.watch.answers, refusals }, all };
  }

  private keep(known: Knowledge, all: readonly Bounded[]): void {
    const { clock, metrics, learned, file } = this.parts;
    if (file === null) return;
    this.writtenMs = clock.monotonicMs();
    for (const { refusals, leftOut } of all)
      if (leftOut > 0) metrics.learnedLeftOut.inc({ device: refusals.device }, leftOut);
    this.isKeeping = true;
    this.keeping = learned
      .keep(file, known)
      .then(
        () => {
          this.cannotKeep = false;
        },
        (error: Error) => this.tellOnce(file, error),
      )
      .finally(() => {
        this.isKeeping = false;
      });
  }

  private tellOnce(file: string, { message }: Error): void {
    if (!this.cannotKeep) this.parts.log.warn({ file, reason: message }, 'what was learned of devices cannot be kept');
    this.cannotKeep = true;
  }
}
