import type { DecodedBatch, Sample, Tag } from '@fieldline/shared/contracts';
import { Series } from './series.ts';
import type { ThinToMs } from './settings.ts';

/** Thins the batches of one segment, which come in their order. */
export class Thinner {
  private readonly thinToMs: ThinToMs;
  private readonly byName = new Map<string, Series>();
  /** Most batches have the same list of tags, which is decoded once. */
  private readonly byList = new WeakMap<readonly Tag[], readonly Series[]>();

  constructor(thinToMs: ThinToMs) {
    this.thinToMs = thinToMs;
  }

  get series(): readonly Series[] {
    return [...this.byName.values()];
  }

  /** What stays of a batch. */
  thin({ tags, tagIndex, time, value, quality }: DecodedBatch): Sample[] {
    const series = this.seriesOf(tags);
    const kept: Sample[] = [];
    for (let position = 0; position < tagIndex.length; position++) {
      const index = tagIndex[position] as number;
      const [at, code] = [time[position] as number, quality[position] ?? 0];
      if (series[index]?.keeps(at, code) !== true) continue;
      kept.push({ tag: tags[index] as Tag, time: at, value: value[position] ?? null, quality: code });
    }
    return kept;
  }

  private seriesOf(tags: readonly Tag[]): readonly Series[] {
    const known = this.byList.get(tags);
    if (known !== undefined) return known;
    const series = tags.map(({ device, tag }) => this.oneOf(device, tag));
    this.byList.set(tags, series);
    return series;
  }

  private oneOf(device: string, tag: string): Series {
    const name = `${device}/${tag}`;
    const series = this.byName.get(name) ?? new Series(device, tag, this.thinToMs(device, tag));
    this.byName.set(name, series);
    return series;
  }
}
