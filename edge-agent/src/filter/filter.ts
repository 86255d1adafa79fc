import type { Sample, Tag } from '@fieldline/shared/contracts';
import { type FilterSettings, passes } from './passes.ts';
import type { SettingsOf } from './settings.ts';

type State = { readonly settings: FilterSettings; last: Sample | undefined };

/** What is left of the samples of one read. Remembers, per tag, the last sample that passed. */
export type Filter = (samples: readonly Sample[]) => readonly Sample[];

/** `settingsOf`: null where none is filtered. */
export function createFilter(settingsOf: SettingsOf | null): Filter {
  if (settingsOf === null) return (samples) => samples;
  /** null for a tag that is not filtered. */
  const states = new Map<Tag, State | null>();
  const stateOf = (tag: Tag): State | null => {
    const settings = settingsOf(tag);
    const state = settings === null ? null : { settings, last: undefined };
    states.set(tag, state);
    return state;
  };
  const isHeld = (sample: Sample): boolean => {
    const known = states.get(sample.tag);
    const state = known === undefined ? stateOf(sample.tag) : known;
    if (state === null) return false;
    if (!passes(state.last, sample, state.settings)) return true;
    state.last = sample;
    return false;
  };
  return (samples) => {
    const first = samples.findIndex(isHeld);
    // Mostly all pass or most are held back.
    if (first === -1) return samples;
    return [...samples.slice(0, first), ...samples.slice(first + 1).filter((sample) => !isHeld(sample))];
  };
}
