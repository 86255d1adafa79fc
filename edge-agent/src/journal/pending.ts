import { type Declaration, maxBatchSamples, type Sample } from '@fieldline/shared/contracts';
import { mergeDeclarations } from './merge-declarations.ts';

export type Taken = {
  readonly samples: readonly Sample[];
  /** How many samples the filter held back beside them. */
  readonly filtered: number;
  readonly declared: readonly Declaration[];
};

/** What the next flush will write. Bounded by its owner, who flushes when it is full. */
export class Pending {
  private samples: Sample[] = [];
  private filtered = 0;
  private declared: readonly Declaration[] = [];

  add(samples: readonly Sample[], filtered: number): void {
    for (const sample of samples) this.samples.push(sample);
    this.filtered += filtered;
  }

  declare(declarations: readonly Declaration[]): void {
    this.declared = mergeDeclarations([...this.declared, ...declarations]);
  }

  /** A batch's worth. */
  get isFull(): boolean {
    return this.samples.length >= maxBatchSamples;
  }

  get hasNews(): boolean {
    return this.samples.length > 0 || this.declared.length > 0;
  }

  get hasCounts(): boolean {
    return this.filtered > 0;
  }

  get declarations(): readonly Declaration[] {
    return this.declared;
  }

  /** The declarations were written on their own. */
  declarationsWritten(): void {
    this.declared = [];
  }

  take(): Taken {
    const { samples, filtered, declared } = this;
    this.samples = [];
    this.filtered = 0;
    this.declared = [];
    return { samples, filtered, declared };
  }
}
