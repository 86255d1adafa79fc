import {
  type Declaration,
  defaultClass,
  maxBatchSamples,
  type Sample,
  SampleColumns,
  type TagClass,
} from '@fieldline/shared/contracts';
import { mergeDeclarations } from './merge-declarations.ts';

/** What goes into batches of one class. */
export type Taken = {
  readonly class: TagClass;
  /** Until the next are taken. */
  readonly samples: SampleColumns;
  /** How many samples the filter held back beside them. */
  readonly filtered: number;
  readonly declared: readonly Declaration[];
};

/** Of one class: what waits, and what was taken last, whose room comes next. */
type Own = { waiting: SampleColumns; taken: SampleColumns; filtered: number };

/** What the next flush will write. Bounded by its owner, who flushes when it is full. */
export class Pending {
  private readonly byClass = new Map<TagClass, Own>();
  private samples = 0;
  private filtered = 0;
  private declared: readonly Declaration[] = [];

  add(samples: readonly Sample[], filtered: number, tagClass: TagClass): void {
    const own = this.ownOf(tagClass);
    own.waiting.append(samples);
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
    for (const [tagClass, { waiting, filtered }] of this.byClass) {
      if (waiting.length > 0 || (wanted === 'counts' && filtered > 0)) taken.push(this.takeOf(tagClass));
    }
    const { declared } = this;
    this.declared = [];
    if (declared.length === 0) return taken;
    const [first = this.takeOf(defaultClass), ...others] = taken;
    return [{ ...first, declared }, ...others];
  }

  private takeOf(tagClass: TagClass): Taken {
    const own = this.ownOf(tagClass);
    const { waiting: samples, taken: room, filtered } = own;
    room.clear();
    own.waiting = room;
    own.taken = samples;
    own.filtered = 0;
    this.samples -= samples.length;
    this.filtered -= filtered;
    return { class: tagClass, samples, filtered, declared: [] };
  }

  private ownOf(tagClass: TagClass): Own {
    const known = this.byClass.get(tagClass);
    if (known !== undefined) return known;
    const own = { waiting: new SampleColumns(), taken: new SampleColumns(), filtered: 0 };
    this.byClass.set(tagClass, own);
    return own;
  }
}
