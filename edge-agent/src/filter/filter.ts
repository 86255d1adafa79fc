import type { Sample, Tag } from '@fieldline/shared/contracts';
import { type FilterSettings, passes } from './passes.ts';

/** What is left of the samples of one read. Remembers, per tag, the last sample that passed. */
export type Filter = (samples: readonly Sample[]) => readonly Sample[];

/** A tag without settings is not filtered: each of its samples passes. */
export function createFilter(settings: ReadonlyMap<Tag, FilterSettings>): Filter {
  if (settings.size === 0) return (samples) => samples;
  const last = new Map<Tag, Sample>();
  const passing = (sample: Sample): boolean => {
    const own = settings.get(sample.tag);
    if (own === undefined) return true;
    if (!passes(last.get(sample.tag), sample, own)) return false;
    last.set(sample.tag, sample);
    return true;
  };
  return (samples) => samples.filter(passing);
}
