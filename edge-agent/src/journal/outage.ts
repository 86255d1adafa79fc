import { type Clock, counted, createBackoff } from '@fieldline/shared/runtime';
import type { Extent } from './batches.ts';

type Where = { readonly folder: string; readonly memoryBytes: number };

/** The time during which the disk takes no batches, and when to try again. */
export class Outage {
  private readonly clock: Clock;
  private readonly pause = createBackoff({ firstMs: 5_000, maxMs: 60_000 });
  private reasonNow: string | null = null;
  private retryAtMs = 0;

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

  get isTimeToRetry(): boolean {
    return this.reasonNow !== null && this.clock.monotonicMs() >= this.retryAtMs;
  }

  failed(error: unknown): void {
    this.reasonNow = error instanceof Error ? error.message : String(error);
    this.retryAtMs = this.clock.monotonicMs() + this.pause.next();
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
