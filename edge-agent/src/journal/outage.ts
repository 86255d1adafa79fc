import { type Clock, createBackoff } from '@fieldline/shared/runtime';

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

  /** For the operator; null when well. */
  inWords(folder: string): string | null {
    if (this.reasonNow === null) return null;
    return `the journal folder ${folder} cannot be written (${this.reasonNow}): batches wait in memory and are lost if the agent stops; make room, or mend the disk or its rights`;
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
