import type { Sample, Tag } from '@fieldline/shared/contracts';
import { type FilterSettings, passes } from './passes.ts';
import type { SettingsOf } from './settings.ts';

/** What is left of the samples of one read. Remembers, per tag, the last sample that passed. */
export type Filter = (samples: readonly Sample[]) => readonly Sample[];

export function createFilter(settingsOf: SettingsOf): Filter {
  const states = new Map<Tag, { readonly settings: FilterSettings | null; last: Sample | undefined }>();
  return (samples) =>
    samples.filter((sample) => {
      let state = states.get(sample.tag);
      if (state === undefined) {
        state = { settings: settingsOf(sample.tag), last: undefined };
        states.set(sample.tag, state);
      }
      if (state.settings === null) return true;
      if (!passes(state.last, sample, state.settings)) return false;
      state.last = sample;
      return true;
    });
}
