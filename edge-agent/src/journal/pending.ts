import {
  type Declaration,
  defaultClass,
  maxBatchSamples,
  type Sample,
  type TagClass,
} from '@fieldline/shared/contracts';
import { mergeDeclarations } from './merge-declarations.ts';

/** What goes into batches of one class. */
export type Taken = {
  readonly class: TagClass;
  readonly samples: readonly Sample[];
  /** How many samples the filter held back beside them. */
  readonly filtered: number;
  readonly declared: readonly Declaration[];
};

/** Of one class. Samples stay in the arrays in which they came until they are taken. */
type Own = { readonly reads: (readonly Sample[])[]; filtered: number };

const nothing: readonly Sample[] = [];

/** What the next flush will write. Bounded by its owner, who flushes when it is full. */
export class Pending {
  private readonly byClass = new Map<TagClass, Own>();
  private samples = 0;
  private filtered = 0;
  private declared: readonly Declaration[] = [];

  add(samples: readonly Sample[], filtered: number, tagClass: TagClass): void {
    let own = this.byClass.get(tagClass);
    if (own === undefined) {
      own = { reads: [], filtered: 0 };
      this.byClass.set(tagClass, own);
    }
    if (samples.length > 0) own.reads.push(samples);
    own.filtered += filtered;
    this.samples += samples.length;
    this.filtered += filtered;
  }

  declare(declarations: readonly Declaration[]): void {
    this.declared = mergeDeclarations([...this.declared, ...declarations]);
  }

  /** A batch's worth. */
  get isFull(): boolean {
    return this.samples >= maxBatchSamples;
  }

  get hasNews(): boolean {
    return this.samples > 0 || this.declared.length > 0;
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

  /** Of each class that has news; counts alone wait for the next, unless they are `wanted`. Declarations go with the first. */
  take(wanted: 'samples' | 'counts'): Taken[] {
    const taken: Taken[] = [];
    for (const [tagClass, own] of this.byClass) {
      const { reads, filtered } = own;
      if (reads.length === 0 && (wanted === 'samples' || filtered === 0)) continue;
      const samples = nothing.concat(...reads);
      taken.push({ class: tagClass, samples, filtered, declared: [] });
      this.byClass.delete(tagClass);
      this.samples -= samples.length;
      this.filtered -= filtered;
    }
    const { declared } = this;
    this.declared = [];
    if (declared.length === 0) return taken;
    const [first = this.countsOf(defaultClass), ...others] = taken;
    return [{ ...first, declared }, ...others];
  }

  private countsOf(tagClass: TagClass): Taken {
    const { filtered = 0 } = this.byClass.get(tagClass) ?? {};
    this.byClass.delete(tagClass);
    this.filtered -= filtered;
    return { class: tagClass, samples: [], filtered, declared: [] };
  }
}
