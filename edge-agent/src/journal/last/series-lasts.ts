/**
 * Of each series its last sample, by the time that it states, and which batch has it. Where the texts of a tag tell of several things,
 * as events do of conditions, the last one of each of these subjects too, as long as it is not over.
 */
import {
  defaultClass,
  hasNumber,
  type Micros,
  type QualityCode,
  type Ranges,
  type Tag,
  type TagClass,
  type Value,
  type ValueType,
} from '@fieldline/shared/contracts';
import type { BatchId } from '../batches.ts';

/** Changed in place: a new one for each sample would live until the next, and be moved to where old objects are. */
export type Point = {
  time: Micros;
  quality: QualityCode;
  /** null: it is bad. undefined: it has one that is not remembered. */
  value: Value | null | undefined;
  batch: BatchId;
};

/** Of a text: what it tells of, and whether that is over with it; null where the tag has no subjects. */
export type SubjectOf = (tag: Tag, text: string) => { readonly name: string; readonly isOver: boolean } | null;

export type SeriesLast = {
  readonly device: string;
  readonly tag: string;
  /** null: it is the last of the tag itself. */
  readonly subject: string | null;
  type: ValueType;
  /** Of the stream that it came by last. */
  class: TagClass;
  /** With a value. */
  valued: Point | null;
  /** Without one, and after that with a value. */
  bad: Point | null;
  /** Of those that came when a later one was there, the one that came last: how far a time that was missed has been made good. */
  late: Point | null;
};

export type SeriesLastsOptions = {
  readonly isRemembered: (device: string) => boolean;
  /** Series beyond so many are left out. */
  readonly most: number;
  readonly leftOut: () => void;
  readonly subjectOf?: SubjectOf | undefined;
};

/** Beyond so many in all, and so many characters, they are not remembered: then a server may say them once more. */
const mostSubjects = 10_000;
const longestSubjectText = 2_000;

export class SeriesLasts {
  private readonly options: SeriesLastsOptions;
  private readonly byName = new Map<string, SeriesLast>();
  /** The way to the same ones without making a name for each sample; null for those that are not remembered. */
  private readonly byTag = new Map<Tag, SeriesLast | null>();
  private subjects = 0;

  constructor(options: SeriesLastsOptions) {
    this.options = options;
  }

  /** Those of which something is known. */
  all(): SeriesLast[] {
    return [...this.byName.values()].filter(({ valued, bad }) => valued !== null || bad !== null);
  }

  find(named: Named): SeriesLast | null {
    return this.byName.get(nameOf(named)) ?? null;
  }

  /** Samples of one time: the later one counts. Gives a subject that is over now: whoever knows it shall forget it. */
  note(
    tag: Tag,
    tagClass: TagClass,
    time: Micros,
    quality: QualityCode,
    value: Value | null,
    batch: BatchId,
  ): Named | null {
    const known = this.byTag.get(tag);
    const series = known === undefined ? this.learn(tag) : known;
    if (series === null) return null;
    series.class = tagClass;
    takeNext(series, time, quality, value, batch);
    const subject = typeof value === 'string' ? (this.options.subjectOf?.(tag, value) ?? null) : null;
    if (subject === null) return null;
    const named = { ...tag, subject: subject.name };
    if (subject.isOver) return named;
    const text = String(value).length > longestSubjectText ? undefined : value;
    this.add({ ...named, class: tagClass, valued: { time, quality, value: text, batch }, bad: null, late: null });
    return null;
  }

  /** What is known of one elsewhere. `cameAfter`: after all that is known of it here. */
  add({ class: tagClass, valued, bad, late, ...named }: SeriesLast, cameAfter = false): void {
    const series = this.findOrMake(named);
    if (series === null) return;
    series.class = tagClass;
    const add = cameAfter ? takeNext : take;
    for (const point of [valued, bad])
      if (point !== null) add(series, point.time, point.quality, point.value, point.batch);
    if (late !== null) series.late = late;
  }

  /** Those whose last sample, or a bad one after it, these batches have. One that came late was not the last: others tell of the series. */
  in(stream: string, ranges: Ranges): SeriesLast[] {
    return this.all().filter(({ valued, bad }) => isIn(valued, stream, ranges) || isIn(bad, stream, ranges));
  }

  /** What these batches have of the last samples, which is not here from now on. */
  takeOut(stream: string, ranges: Ranges): SeriesLast[] {
    const isTouched = ({ valued, bad, late }: SeriesLast): boolean =>
      [valued, bad, late].some((point) => isIn(point, stream, ranges));
    return this.all()
      .filter(isTouched)
      .map((series) => {
        const taken = { ...series };
        if (isIn(series.valued, stream, ranges)) series.valued = null;
        else taken.valued = null;
        if (isIn(series.bad, stream, ranges)) series.bad = null;
        else taken.bad = null;
        if (isIn(series.late, stream, ranges)) series.late = null;
        else taken.late = null;
        if (series.subject !== null) this.forget(series);
        return taken;
      });
  }

  /** Nothing is known of it from now on. False where nothing was. */
  forget(named: Named): boolean {
    const series = this.find(named);
    if (series === null) return false;
    if (series.subject !== null) {
      this.subjects -= 1;
      return this.byName.delete(nameOf(series));
    }
    if (series.valued === null && series.bad === null) return false;
    series.valued = null;
    series.bad = null;
    series.late = null;
    return true;
  }

  /** Tags may be made anew, e.g. at each connection. */
  private learn(tag: Tag): SeriesLast | null {
    if (this.byTag.size >= 2 * this.options.most) this.byTag.clear();
    const series = this.options.isRemembered(tag.device) ? this.findOrMake(tag) : null;
    this.byTag.set(tag, series);
    return series;
  }

  private findOrMake(named: Tag & Named): SeriesLast | null {
    const known = this.find(named);
    if (known !== null) {
      if (known.type !== named.type) retype(known, named.type);
      return known;
    }
    const { device, tag, type, subject = null } = named;
    if (this.byName.size >= this.options.most || (subject !== null && this.subjects >= mostSubjects)) {
      this.options.leftOut();
      return null;
    }
    if (subject !== null) this.subjects += 1;
    const made: SeriesLast = { device, tag, type, subject, class: defaultClass, valued: null, bad: null, late: null };
    this.byName.set(nameOf(made), made);
    return made;
  }
}

type Named = Pick<Tag, 'device' | 'tag'> & { readonly subject?: string | null };

/** No id has a space. */
const nameOf = ({ device, tag, subject = null }: Named): string =>
  subject === null ? `${device}/${tag}` : `${device}/${tag} ${subject}`;

const isIn = (point: Point | null, stream: string, ranges: Ranges): boolean =>
  point !== null && point.batch.stream === stream && hasNumber(ranges, point.batch.seq);

/** The samples of a series in the order in which they came. */
function takeNext(series: SeriesLast, time: Micros, quality: QualityCode, value: Point['value'], batch: BatchId): void {
  const { valued, bad } = series;
  const isLate = (valued !== null && time < valued.time) || (bad !== null && time < bad.time);
  if (isLate) series.late = changed(series.late, time, quality, null, batch);
  take(series, time, quality, value, batch);
}

function take(series: SeriesLast, time: Micros, quality: QualityCode, value: Point['value'], batch: BatchId): void {
  const { valued, bad } = series;
  if (valued !== null && time < valued.time) return;
  if (value !== null) {
    series.valued = changed(valued, time, quality, value, batch);
    if (bad !== null && bad.time <= time) series.bad = null;
  } else if (bad === null || time >= bad.time) series.bad = changed(bad, time, quality, value, batch);
}

function changed(
  point: Point | null,
  time: Micros,
  quality: QualityCode,
  value: Point['value'],
  batch: BatchId,
): Point {
  if (point === null) return { time, quality, value, batch };
  point.time = time;
  point.quality = quality;
  point.value = value;
  point.batch = batch;
  return point;
}

/** The settings have another type for it than before: only the time still says something. */
function retype(series: SeriesLast, type: ValueType): void {
  series.type = type;
  if (series.valued !== null) series.valued.value = undefined;
}
