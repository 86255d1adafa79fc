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

/** What the next flush will write. Bounded by its owner, who flushes when it is full. */
export class Pending {
  private readonly byClass = new Map<TagClass, { samples: Sample[]; filtered: number }>();
  private samples = 0;
  private filtered = 0;
  private declared: readonly Declaration[] = [];

  add(samples: readonly Sample[], filtered: number, tagClass: TagClass): void {
    let own = this.byClass.get(tagClass);
    if (own === undefined) {
      own = { samples: [], filtered: 0 };
      this.byClass.set(tagClass, own);
    }
    for (const sample of samples) own.samples.push(sample);
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

  /** Of each class that has news; counts alone wait for the next, unless they are `wanted`. Declarations go with the default class. */
  take(wanted: 'samples' | 'counts'): Taken[] {
    const { declared } = this;
    this.declared = [];
    const taken: Taken[] = [];
    for (const tagClass of new Set<TagClass>([defaultClass, ...this.byClass.keys()])) {
      const { samples = [], filtered = 0 } = this.byClass.get(tagClass) ?? {};
      const own = tagClass === defaultClass ? declared : [];
      const isWanted = samples.length > 0 || own.length > 0 || (wanted === 'counts' && filtered > 0);
      if (!isWanted) continue;
      taken.push({ class: tagClass, samples, filtered, declared: own });
      this.byClass.delete(tagClass);
      this.samples -= samples.length;
      this.filtered -= filtered;
    }
    return taken;
  }
}
