import type { QualityCode } from './quality.ts';
import type { Micros, Sample, Tag, Value } from './sample.ts';

/** Samples `from` ≤ n < `to` of these. */
export type SamplePart = { readonly columns: SampleColumns; readonly from: number; readonly to: number };

const firstRoom = 256;

/**
 * Samples that wait, in columns: what is copied out of a sample may be collected at once. Samples that wait as objects outlive
 * the young generation, and to move them there was half of what an agent with a large plant computes.
 */
export class SampleColumns {
  /** Samples in it. */
  length = 0;
  private tags: Tag[] = [];
  private times = new Float64Array(firstRoom);
  private numbers = new Float64Array(firstRoom);
  /** What is no number; undefined where it is one. */
  private others: (Exclude<Value, number> | null | undefined)[] = [];
  private qualities = new Int16Array(firstRoom);

  static of(samples: readonly Sample[]): SampleColumns {
    const columns = new SampleColumns();
    columns.append(samples);
    return columns;
  }

  part(from = 0, to = this.length): SamplePart {
    return { columns: this, from, to };
  }

  append(samples: readonly Sample[]): void {
    if (this.length + samples.length > this.times.length) this.grow(this.length + samples.length);
    for (let position = 0; position < samples.length; position++) {
      const { tag, time, value, quality } = samples[position] as Sample;
      const at = this.length + position;
      this.tags[at] = tag;
      this.times[at] = time;
      this.qualities[at] = quality;
      if (typeof value === 'number') this.numbers[at] = value;
      this.others[at] = typeof value === 'number' ? undefined : value;
    }
    this.length += samples.length;
  }

  /** Keeps its room for those that come. */
  clear(): void {
    this.length = 0;
  }

  /** `position` of all of these: 0 ≤ position < length. */
  tagAt(position: number): Tag {
    return this.tags[position] as Tag;
  }

  timeAt(position: number): Micros {
    return this.times[position] as number;
  }

  /** null if bad. */
  valueAt(position: number): Value | null {
    const other = this.others[position];
    return other === undefined ? (this.numbers[position] as number) : other;
  }

  qualityAt(position: number): QualityCode {
    return this.qualities[position] as number;
  }

  private grow(atLeast: number): void {
    const room = Math.max(atLeast, this.times.length * 2);
    const { times, numbers, qualities } = this;
    this.times = new Float64Array(room);
    this.times.set(times);
    this.numbers = new Float64Array(room);
    this.numbers.set(numbers);
    this.qualities = new Int16Array(room);
    this.qualities.set(qualities);
  }
}
