/**
 * The last sample that the journal has of each series, for protocols that report by themselves: after a restart their servers send
 * again what was kept before, and their history is asked for what was missed since. Invariants:
 *
 * - The newest file of each class states the last samples of the series of its class, as they were before the first batch that it names
 *   (`next`): written with the first batch of a file, when its log is folded in, and when some of it is no longer true. So a start
 *   knows all from this, and the few batches after it.
 * - What was in a batch that is lost, and declared, is not known: nor is anything else of its series, since nobody knows what came
 *   between. What was thinned counts as kept: it was left out on purpose.
 * - What waits in memory is not in the journal before it is on the disk, or with the cloud.
 * - A subject that is over is not known any more, from then on.
 */
import {
  defaultClass,
  type Micros,
  type Ranges,
  type SamplePart,
  type Tag,
  type TagClass,
} from '@fieldline/shared/contracts';
import type { NewBatch } from '../batches.ts';
import { encodeLasts } from './codec.ts';
import { type Point, type SeriesLast, SeriesLasts, type SubjectOf } from './series-lasts.ts';

/** Each takes about 300 bytes of memory, and 10 of the disk in each file. */
const mostSeries = 100_000;

/** Of a tag: the last sample with a value, where there is none the last bad one; a bad one that came after it; and the last that came late. */
export type LastKept = Omit<Point, 'batch'> & {
  readonly bad: Pick<Point, 'time' | 'quality'> | null;
  readonly late: Micros | null;
};

export type Standing = { readonly time: Micros; readonly text: string };

export type LastSamplesOptions = {
  /** Whose samples are remembered; undefined: nobody's. */
  readonly isRemembered?: ((device: string) => boolean) | undefined;
  /** undefined: no tag has subjects. */
  readonly subjectOf?: SubjectOf | undefined;
  readonly classes: readonly TagClass[];
  /** There is no room for one more series. */
  readonly leftOut: () => void;
};

export class LastSamples {
  private readonly options: LastSamplesOptions;
  private readonly inFiles: SeriesLasts;
  private readonly inMemory: SeriesLasts;
  /** Whose newest files state what is no longer true. */
  private readonly untrue = new Set<TagClass>();

  constructor(options: LastSamplesOptions) {
    this.options = options;
    const { isRemembered = () => false, subjectOf, leftOut } = options;
    this.inFiles = new SeriesLasts({ isRemembered, subjectOf, most: mostSeries, leftOut });
    this.inMemory = new SeriesLasts({ isRemembered, subjectOf, most: mostSeries, leftOut });
  }

  /** What earlier openings have left. */
  found(series: readonly SeriesLast[]): void {
    for (const each of series) {
      const isInUse = this.options.classes.includes(each.class);
      this.inFiles.add(isInUse ? each : { ...each, class: defaultClass });
    }
  }

  /** Samples of a batch that is on the disk, or waits in memory. */
  took({ columns, from, to }: SamplePart, { stream, seq, class: tagClass }: NewBatch, isOnDisk: boolean): void {
    if (this.options.isRemembered === undefined) return;
    const lasts = isOnDisk ? this.inFiles : this.inMemory;
    const batch = { stream, seq };
    for (let at = from; at < to; at++) {
      const tag = columns.tagAt(at);
      const over = lasts.note(tag, tagClass, columns.timeAt(at), columns.qualityAt(at), columns.valueAt(at), batch);
      if (over === null) continue;
      this.inFiles.forget(over);
      this.inMemory.forget(over);
    }
  }

  /** Batches that waited in memory are on the disk, or with the cloud. */
  settled(stream: string, ranges: Ranges): void {
    for (const series of this.inMemory.takeOut(stream, ranges)) this.inFiles.add(series, true);
  }

  /** Batches that are nowhere. */
  lost(stream: string, ranges: Ranges): void {
    for (const series of [...this.inMemory.in(stream, ranges), ...this.inFiles.in(stream, ranges)]) {
      this.inMemory.forget(series);
      if (this.inFiles.forget(series)) this.untrue.add(series.class);
    }
  }

  of(tag: Tag): LastKept | null {
    const series = this.inFiles.find(tag);
    const point = series?.valued ?? series?.bad ?? null;
    if (series === null || point === null) return null;
    const { time, quality } = point;
    const value = series.type === tag.type || point.value === null ? point.value : undefined;
    const { bad } = series;
    const badAfter = bad === null || bad === point ? null : { time: bad.time, quality: bad.quality };
    return { time, quality, value, bad: badAfter, late: series.late?.time ?? null };
  }

  /** The last text of each subject of a tag that is not over. */
  standing({ device, tag }: Tag): Standing[] {
    return this.inFiles.all().flatMap(({ subject, valued, ...of }) => {
      if (subject === null || of.device !== device || of.tag !== tag || typeof valued?.value !== 'string') return [];
      return { time: valued.time, text: valued.value };
    });
  }

  /** What the newest file of a class shall state; null where nothing is to be remembered. */
  stated(tagClass: TagClass): Buffer | null {
    this.untrue.delete(tagClass);
    if (this.options.isRemembered === undefined) return null;
    return encodeLasts(this.inFiles.all().filter((series) => series.class === tagClass));
  }

  /** Classes whose newest files have to state it anew. */
  toState(): readonly TagClass[] {
    return [...this.untrue];
  }
}
