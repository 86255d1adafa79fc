import type { LoadedProfile } from '@fieldline/shared/config/apply-profile';
import { loadProfile, shippedProfileNames } from '@fieldline/shared/config/profile-files';
import { invalid } from '@fieldline/shared/config/settings-text';
import { FieldlineError } from '@fieldline/shared/contracts';
import { parseCommandArgs, unknownWord, wrongArguments } from '@fieldline/shared/runtime/command-arguments';
import { columns } from '../columns.ts';
import { profileLines } from './profile-text.ts';

export const usage = `Usage: fieldline-edge profiles list
       fieldline-edge profiles show NAME

What stands in which register of a kind of device. A device in the settings takes its tags from one: profile: NAME

  list       the profiles that come with the agent
  show NAME  the tags of one, where its numbers are from, and what to know of it; or of a file of your own, ./my-meter.yaml
`;

export type CommandParts = {
  readonly args: readonly string[];
  readonly profilesFolder: string;
  /** Where a relative path begins. */
  readonly workingFolder: string;
  /** A line for the operator, on standard output. */
  readonly say: (line: string) => void;
};

/** @throws FieldlineError arguments/invalid, settings/invalid, settings/unreadable */
export function run({ args, profilesFolder, workingFolder, say }: CommandParts): void {
  const { values, positionals } = parseCommandArgs(args, usage, { help: { type: 'boolean' } });
  if (values.help === true) {
    say(usage.trimEnd());
    return;
  }
  const [action, name, ...rest] = positionals;
  const places = { shippedFolder: profilesFolder, settingsFolder: workingFolder };
  if (action === 'list' && name === undefined) {
    const rows = shippedProfileNames(profilesFolder).map((one) => {
      const { model, tags } = read(one, places).checked;
      return [one, model, `${tags.length} tags`];
    });
    for (const line of columns(rows)) say(line);
    return;
  }
  if (action === 'show' && name !== undefined && rest.length === 0) {
    for (const line of profileLines(read(name, places))) say(line);
    return;
  }
  throw wrongArguments(whatIsWrong(action, name), usage);
}

function whatIsWrong(action: string | undefined, name: string | undefined): string {
  if (action === undefined) return 'list or show is missing';
  if (action === 'list') return `profiles list lists all of them; for one: profiles show ${name}`;
  if (action !== 'show') return unknownWord(action, 'profiles ', ['list', 'show']);
  if (name === undefined)
    return 'the name of the profile is missing: profiles show eastron/sdm630 (profiles list names all of them)';
  return 'profiles show takes one name';
}

function read(name: string, places: Parameters<typeof loadProfile>[1]): LoadedProfile {
  const result = loadProfile(name, places);
  if ('profile' in result) return result.profile;
  if ('problems' in result) throw invalid(name, result.problems);
  throw new FieldlineError('settings/unreadable', result.missing);
}
