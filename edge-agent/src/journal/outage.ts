import { type Clock, counted, createBackoff } from '@fieldline/shared/runtime';
import type { Extent } from './batches.ts';

type Where = { readonly folder: string; readonly memoryBytes: number };

/** What of a full disk changes when it has room again: others delete, or what the journal holds is confirmed and can go. */
export type Chance = { readonly freeBytes: number; readonly confirmedFiles: number };

/** Where there is such a chance it is taken, at most so often. */
const leastPauseMs = 1_000;
/** Less is the noise of a full disk. */
const leastGrowthBytes = 65_536;

/** The time during which the disk takes no batches, and when to try again. */
export class Outage {
  private readonly clock: Clock;
  private readonly pause = createBackoff({ firstMs: 5_000, maxMs: 60_000 });
  private reasonNow: string | null = null;
  private retryAtMs = 0;
  private failedAtMs = 0;
  private failedWith: Chance | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** null while the disk takes batches. */
  get reason(): string | null {
    return this.reasonNow;
  }

  /** For the operator; null when well. `onDisk`: what the folder holds and is not confirmed, null where it cannot be read. */
  inWords({ folder, memoryBytes }: Where, onDisk: Extent | null): string | null {
    if (this.reasonNow === null) return null;
    const waits = `new batches wait in memory, at most ${Math.round(memoryBytes / 1024 / 1024)} MB, and are lost if the agent stops`;
    return `the journal folder ${folder} cannot be written (${this.reasonNow}): ${waits}; ${fateOf(onDisk)}; make room, or mend the disk or its rights`;
  }

  /** `look`: null where the disk cannot be asked. */
  isTimeToRetry(look: () => Chance | null): boolean {
    if (this.reasonNow === null) return false;
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.retryAtMs) return true;
    return nowMs - this.failedAtMs >= leastPauseMs && this.isBetter(look());
  }

  failed(error: unknown, chance: Chance | null): void {
    this.reasonNow = error instanceof Error ? error.message : String(error);
    this.failedAtMs = this.clock.monotonicMs();
    this.failedWith = chance;
    this.retryAtMs = this.failedAtMs + this.pause.next();
  }

  private isBetter(chance: Chance | null): boolean {
    if (chance === null || this.failedWith === null) return false;
    const { freeBytes, confirmedFiles } = this.failedWith;
    return chance.freeBytes >= freeBytes + leastGrowthBytes || chance.confirmedFiles > confirmedFiles;
  }

  over(): void {
    this.reasonNow = null;
    this.pause.reset();
  }
}

function fateOf(onDisk: Extent | null): string {
  if (onDisk === null) return 'whatever earlier starts left in it cannot be read either, and is sent when it can';
  if (onDisk.batches === 0) return 'nothing in it waits to be sent';
  return `${counted(onDisk.batches, 'batch', 'batches')} in it (${counted(onDisk.samples, 'sample')}) can be read and are sent as ever`;
}
