import type { DecodedBatch, Sample, Tag } from '@fieldline/shared/contracts';
import { Series } from './series.ts';
import type { ThinToMs } from './settings.ts';

/** Thins the batches of one segment, which come in their order. */
export class Thinner {
  private readonly thinToMs: ThinToMs;
  private readonly byName = new Map<string, Series>();

  constructor(thinToMs: ThinToMs) {
    this.thinToMs = thinToMs;
  }

  get series(): readonly Series[] {
    return [...this.byName.values()];
  }

  /** What stays of a batch. */
  thin({ tags, tagIndex, time, value, quality }: DecodedBatch): Sample[] {
    const series = tags.map((tag) => this.seriesOf(tag));
    const kept: Sample[] = [];
    for (let position = 0; position < tagIndex.length; position++) {
      const index = tagIndex[position] as number;
      const [at, code] = [time[position] as number, quality[position] ?? 0];
      if (series[index]?.keeps(at, code) !== true) continue;
      kept.push({ tag: tags[index] as Tag, time: at, value: value[position] ?? null, quality: code });
    }
    return kept;
  }

  private seriesOf({ device, tag }: Tag): Series {
    const name = `${device}/${tag}`;
    const series = this.byName.get(name) ?? new Series(device, tag, this.thinToMs(device, tag));
    this.byName.set(name, series);
    return series;
  }
}
