/**
 * Puts a profile under a device of the settings, before its settings are checked: what the device says goes before what the
 * profile says, and tags of its own come after those of the profile. What is wrong with a tag that came from the profile is
 * told where the device names it.
 */
import type { IssueText } from './describe-issue.ts';
import { fieldsOf, listOf, type Written } from './loose-data.ts';
import { MadeOnce } from './made-once.ts';
import type { ModbusProfile } from './modbus-profile.ts';
import { nearest } from './nearest.ts';
import { overrideSchema } from './profile-use.ts';

/** A profile as its file has it, without defaults, and as it was checked. */
export type LoadedProfile = { readonly name: string; readonly written: Written; readonly checked: ModbusProfile };

export type Applied = {
  readonly device: Written;
  readonly issues: readonly IssueText[];
  /** From the device with its profile to the device as it stands in the settings. */
  readonly toWritten: (issue: IssueText) => IssueText;
};

const overridable = new Set(Object.keys(overrideSchema.shape));

export function applyProfile(device: Written, profile: LoadedProfile): Applied {
  const { model: _model, sources: _sources, notes: _notes, tags: _tags, ...settings } = profile.written;
  const { only, override } = device;
  const { chosen, tags } = choices.of(profile, { only, override }, () => chooseTags(device, profile));
  const own = listOf(device.tags);
  return {
    device: { ...settings, ...device, tags: own.length === 0 ? tags : [...tags, ...own] },
    issues: [...wrongNames(device, profile, chosen), ...wrongTags(device.tags)],
    toWritten: (issue) => toWritten(issue, chosen, profile.name),
  };
}

type Override = { readonly name: string; readonly key: string; readonly value: unknown };
type Chosen = {
  readonly tag: string;
  readonly group: string | undefined;
  readonly fields: Written;
  readonly overrides: readonly Override[];
};

/** `tags`: the chosen ones as the schema checks them; of devices that use a profile alike they are one list. */
type Choice = { readonly chosen: readonly Chosen[]; readonly tags: readonly Written[] };
const choices = new MadeOnce<LoadedProfile, Choice>();

function chooseTags(device: Written, profile: LoadedProfile): Choice {
  const chosen = chosenOf(device, profile);
  const tags = chosen.map(({ fields, overrides }) => ({
    ...fields,
    ...Object.fromEntries(overrides.map(({ key, value }) => [key, value])),
  }));
  return { chosen, tags };
}

function chosenOf(device: Written, { written, checked }: LoadedProfile): Chosen[] {
  const only = Array.isArray(device.only) ? new Set<unknown>(device.only) : null;
  const override = fieldsOf(device.override);
  const writtenTags = listOf(written.tags).map(fieldsOf);
  return checked.tags.flatMap(({ tag, group }, position) => {
    if (only !== null && !only.has(tag) && !(group !== undefined && only.has(group))) return [];
    const { group: _group, ...fields } = withFactor(writtenTags[position] ?? {}, writtenTags);
    // The later wins: a tag over its group.
    const names = [group, tag].filter((name) => name !== undefined);
    const overrides = names.flatMap((name) =>
      Object.entries(fieldsOf(override[name]))
        .filter(([key]) => overridable.has(key))
        .map(([key, value]) => ({ name, key, value })),
    );
    return [{ tag, group, fields, overrides }];
  });
}

/** A scale factor that is named as a tag is read also where `only` leaves that tag out: by its address. */
function withFactor(tag: Written, all: readonly Written[]): Written {
  const named = all.find((other) => other.tag !== undefined && other.tag === tag.scaleFactor);
  return named?.address === undefined ? tag : { ...tag, scaleFactor: named.address };
}

function wrongNames(device: Written, { name, checked }: LoadedProfile, chosen: readonly Chosen[]): IssueText[] {
  const groups = [...new Set(checked.tags.flatMap(({ group }) => group ?? []))];
  const known = new Set([...groups, ...checked.tags.map(({ tag }) => tag)]);
  const inUse = new Set(chosen.flatMap(({ tag, group }) => [tag, group]));
  const unknown = (word: string): string => {
    const guess = nearest(word, [...known]);
    const has = groups.length > 0 ? `it has the groups ${groups.join(', ')}` : 'it has no groups';
    const hint = guess === null ? `; ${has}; fieldline-edge profiles show lists its tags` : `. Did you mean ${guess}?`;
    return `${word} is no tag or group of ${name}${hint}`;
  };
  const chosenNames = listOf(device.only).flatMap((word, position): IssueText[] =>
    typeof word === 'string' && !known.has(word) ? [{ path: ['only', position], message: unknown(word) }] : [],
  );
  const overriddenNames = Object.keys(fieldsOf(device.override)).flatMap((word): IssueText[] => {
    const path = ['override', word];
    if (!known.has(word)) return [{ path, message: unknown(word) }];
    return inUse.has(word) ? [] : [{ path, message: 'changes nothing: only leaves it out' }];
  });
  return [...chosenNames, ...overriddenNames];
}

/** What is no list cannot stand beside the tags of the profile, so the schema does not see it. */
const wrongTags = (tags: unknown): IssueText[] =>
  tags === undefined || Array.isArray(tags) ? [] : [{ path: ['tags'], message: 'must be a list' }];

function toWritten(issue: IssueText, chosen: readonly Chosen[], profile: string): IssueText {
  const [list, position, key, ...rest] = issue.path;
  if (list !== 'tags' || typeof position !== 'number') return issue;
  const tag = chosen[position];
  if (tag === undefined) {
    const own = key === undefined ? [] : [key, ...rest];
    return { ...issue, path: ['tags', position - chosen.length, ...own] };
  }
  const override = tag.overrides.findLast((one) => one.key === key);
  if (override !== undefined) return { ...issue, path: ['override', override.name, override.key, ...rest] };
  return { path: ['profile'], message: `${profile}, tag ${tag.tag}: ${String(key ?? '')} ${issue.message}` };
}
