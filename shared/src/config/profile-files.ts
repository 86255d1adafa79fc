/** Where profiles are: a name stands for a file of the folder of shipped ones, a path for one beside the settings. */
import { readdirSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { FieldlineError } from '../contracts/errors.ts';
import type { LoadedProfile } from './apply-profile.ts';
import { checkText } from './load-config.ts';
import { fieldsOf } from './loose-data.ts';
import { modbusProfileSchema } from './modbus-profile.ts';
import { nearest } from './nearest.ts';
import { type ConfigProblem, parseText, readText } from './settings-text.ts';

export type ProfilePlaces = {
  /** Of the shipped profiles: `<maker>/<type>.yaml`. */
  readonly shippedFolder: string;
  /** Of the settings file: relative paths begin here. */
  readonly settingsFolder: string;
};

/** What comes of a name: the profile; or what is wrong in its file; or why there is no such file. */
export type ProfileResult =
  | { readonly profile: LoadedProfile }
  | { readonly problems: readonly ConfigProblem[] }
  /** `meant`: the one that was probably meant. */
  | { readonly missing: string; readonly meant: LoadedProfile | null };

/** `eastron/sdm630`, sorted. */
export const shippedProfileNames = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.replaceAll('\\', '/').slice(0, -'.yaml'.length))
    .sort();

export function loadProfile(name: string, { shippedFolder, settingsFolder }: ProfilePlaces): ProfileResult {
  if (isPath(name)) return readProfile(name, resolve(settingsFolder, name));
  const names = shippedProfileNames(shippedFolder);
  const shipped = (one: string): ProfileResult => readProfile(one, join(shippedFolder, `${one}.yaml`));
  if (names.includes(name)) return shipped(name);
  const guess = nearest(name, names) ?? names.find((one) => one.endsWith(`/${name}`)) ?? null;
  const result = guess === null ? null : shipped(guess);
  const meant = result !== null && 'profile' in result ? result.profile : null;
  return { missing: notShipped(name, names, guess), meant };
}

const isPath = (name: string): boolean => /^\.{1,2}[/\\]|\.ya?ml$/.test(name) || isAbsolute(name);

function readProfile(name: string, file: string): ProfileResult {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    if (error instanceof FieldlineError) return { missing: `cannot be read: ${error.message}`, meant: null };
    throw error;
  }
  const read = parseText(text, file);
  const checked = checkText(modbusProfileSchema, text, file);
  if (read.problems !== null) return { problems: read.problems };
  if (checked.problems !== null) return { problems: checked.problems };
  return { profile: { name, written: fieldsOf(read.data.data), checked: checked.data } };
}

function notShipped(name: string, names: readonly string[], guess: string | null): string {
  const hint = guess === null ? '' : ` Did you mean ${guess}?`;
  return `${name} is not among the shipped profiles.${hint} There are ${names.join(', ')}; for a file of your own write its path, e.g. ./${name.replaceAll('/', '-')}.yaml`;
}
