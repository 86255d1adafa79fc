/** A gateway without a real-time clock, its boots, and a journal that takes what its undated samples become. */
import type { Declaration, Sample, TagClass } from '@fieldline/shared/contracts';
import { type Clock, silentLog } from '@fieldline/shared/runtime';
import type { Boot } from '../../src/journal/undated/boot.ts';
import type { Chunk } from '../../src/journal/undated/chunk.ts';
import { UndatedLog, type UndatedOptions } from '../../src/journal/undated/undated-log.ts';
import { testGateway } from './journal.ts';

export class ClocklessGateway {
  /** The true time, µs. */
  now = 1_790_000_000_000_000;
  begunAt = this.now;
  isSet = false;
  /** What the clock showed when the boot began. */
  wallAtBoot = 60_000_000;
  private bootId = crypto.randomUUID();

  get boot(): Boot {
    return { id: this.bootId, micros: () => this.now - this.begunAt };
  }

  readonly clock: Clock = {
    now: () => (this.isSet ? this.now : this.now - this.begunAt + this.wallAtBoot),
    monotonicMs: () => this.now / 1_000,
  };

  reboot(): void {
    this.now += 10_000_000;
    this.begunAt = this.now;
    this.isSet = false;
    this.bootId = crypto.randomUUID();
    this.now += 2_000_000;
  }
}

export function openUndated(
  folder: string,
  gateway: ClocklessGateway,
  changes: Partial<UndatedOptions> = {},
): UndatedLog {
  return UndatedLog.open({
    folder,
    gateway: testGateway,
    survives: 'process-crash',
    maxBytes: 1024 ** 3,
    memoryBytes: 1024 ** 2,
    positions: {},
    boot: gateway.boot,
    clock: gateway.clock,
    newId: () => crypto.randomUUID(),
    log: silentLog,
    ...changes,
  });
}

/** What a journal has in the end: samples, declarations and the note in one transaction. */
export class TakingJournal {
  samples: Sample[] = [];
  readonly samplesOf = new Map<TagClass, Sample[]>();
  declared: Declaration[] = [];
  filtered = 0;
  positions: Record<string, number> = {};

  take(log: UndatedLog, chunk: Chunk): void {
    this.samples.push(...chunk.samples);
    this.samplesOf.set(chunk.tagClass, [...(this.samplesOf.get(chunk.tagClass) ?? []), ...chunk.samples]);
    this.declared.push(...chunk.declared);
    this.filtered += chunk.filtered;
    this.positions = log.positions(chunk);
  }

  takeAll(log: UndatedLog, mostSamples = 1_000): void {
    for (let chunk = log.next(mostSamples); chunk !== null; chunk = log.next(mostSamples)) {
      this.take(log, chunk);
      log.done(chunk);
    }
  }
}
