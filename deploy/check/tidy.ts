/** Rules of the house that neither the compiler nor the linter knows. Each gives a line per trouble. */
import { homedir } from 'node:os';
import { basename } from 'node:path';

export type TidyInput = {
  /** Relative to `root`, with forward slashes. */
  readonly files: readonly string[];
  readonly read: (file: string) => Buffer;
  readonly root: string;
};

export const maxSourceLines = 300;

/** What comes from elsewhere and is kept as it came. */
const foreign = /(^|\/)(LICENSE|package-lock\.json|.*\.(csv|bin|pem|png|svg))$/;
const source = /\.(ts|mjs|js)$/;
const test = /(^|\/)test\//;

type Rule = (file: string, text: string, root: string) => string[];

const notTooLong: Rule = (file, text) => {
  if (!source.test(file) || test.test(file)) return [];
  const lines = text.split('\n').length - 1;
  return lines <= maxSourceLines ? [] : [`${file}: ${lines} lines; ${maxSourceLines} is the end: split it by reason`];
};

const noUnfinishedWork: Rule = (file, text) => eachLine(file, text, /\b(TO[D]O|FIX[M]E|XX[X])\b/, 'unfinished work');

const noPathOfAMachine: Rule = (file, text, root) => {
  // A checkout right under the root of the disk, such as a container's, has too common a name to look for.
  const places = root.split('/').length > 2 ? [root, homedir()] : [homedir()];
  const named = places.map((place) => `${RegExp.escape(place)}(?=/|['"\`\\s]|$)`);
  return eachLine(file, text, new RegExp([...named, '/(home|Users)/[a-z]+/'].join('|')), 'path of one machine');
};

const noRegistryInLockFile: Rule = (file, text) =>
  basename(file) === 'package-lock.json'
    ? eachLine(file, text, /"resolved": "https?:/, 'address of a registry: see .npmrc')
    : [];

const rules: readonly Rule[] = [notTooLong, noUnfinishedWork, noPathOfAMachine];

export function tidy({ files, read, root }: TidyInput): string[] {
  return files.flatMap((file) => {
    const bytes = readIfThere(read, file);
    if (bytes === null || bytes.includes(0)) return [];
    const text = bytes.toString('utf8');
    const applied = foreign.test(file) ? [noRegistryInLockFile] : rules;
    return applied.flatMap((rule) => rule(file, text, root));
  });
}

const eachLine = (file: string, text: string, pattern: RegExp, what: string): string[] =>
  text
    .split('\n')
    .flatMap((line, index) =>
      pattern.test(line) ? [`${file}:${index + 1}: ${what}: ${line.trim().slice(0, 100)}`] : [],
    );

/** A file that is deleted but not yet committed is still in git's list. */
function readIfThere(read: TidyInput['read'], file: string): Buffer | null {
  try {
    return read(file);
  } catch {
    return null;
  }
}
