import type { Sample, TagClass } from '@fieldline/shared/contracts';
import { isBelieved } from './boot.ts';
import type { BootRecord, Loss } from './record.ts';
import { encodeSamples } from './samples-codec.ts';

/** What the next flush will write; times are µs of the boot. Bounded by its owner, who flushes when it is full. */
export class PendingSamples {
  private readonly byClass = new Map<TagClass, { readonly samples: Sample[]; filtered: number }>();
  private losses: Loss[] = [];

  add(tagClass: TagClass, samples: readonly Sample[], filtered: number): void {
    const own = this.byClass.get(tagClass) ?? { samples: [], filtered: 0 };
    for (const sample of samples) own.samples.push(sample);
    own.filtered += filtered;
    this.byClass.set(tagClass, own);
  }

  declare(loss: Loss): void {
    this.losses.push(loss);
  }

  /** Samples of the class that has most. */
  get largest(): number {
    return Math.max(0, ...[...this.byClass.values()].map(({ samples }) => samples.length));
  }

  get samples(): number {
    return [...this.byClass.values()].reduce((sum, { samples }) => sum + samples.length, 0);
  }

  get hasNews(): boolean {
    return this.losses.length > 0 || this.samples > 0;
  }

  get hasCounts(): boolean {
    return this.byClass.size > 0 || this.losses.length > 0;
  }

  /** One entry for each class. `last`: now. */
  moveTo(record: BootRecord, last: number): void {
    for (const [tagClass, { samples, filtered }] of this.byClass) {
      const times = samples.map(({ time }) => time).filter((time) => !isBelieved(time));
      const extent = times.reduce(
        (known, time) => ({ first: Math.min(known.first, time), last: Math.max(known.last, time) }),
        { first: last, last },
      );
      record.hold({ tagClass, ...extent, samples: samples.length, filtered }, encodeSamples(samples));
    }
    for (const loss of this.losses) record.lose(loss);
    this.byClass.clear();
    this.losses = [];
  }
}
