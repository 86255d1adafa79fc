/**
 * Problems that stand behind others. A schema looks at a whole (does this type go with these registers?) only once each of its parts
 * has the right form, so the first mistake in a map would hide the rest. Here wrong parts are replaced by stand-ins, and the whole is
 * checked again.
 *
 * Invariant: what is told is there whatever right value stands in the wrong place. Each trial has other stand-ins, and only what all
 * trials find is told: never what would be gone once the first mistake is mended.
 */
import type { z } from 'zod';
import { knownKeys, valueAt } from './describe-issue.ts';
import { nearest } from './nearest.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** As many as the longest enumeration of the settings has values; more is never needed. */
const maxTrials = 24;
/** With more mistakes there is enough to do first; each trial reads all of the settings again. */
const mostStandIns = 500;
/** A stand-in may need others within it: a link needs its kind, that needs a host. */
const maxRounds = 6;

/** `first`: what a plain check of the data finds. Of it only that is left out which a mistyped key brought about. */
export function withHidden(schema: z.ZodType, data: unknown, first: readonly Issue[]): readonly Issue[] {
  const ofForm = first.filter(isOfForm);
  if (ofForm.length === 0 || ofForm.length > mostStandIns) return first;
  const places = new Set(ofForm.flatMap(placesOf).map((path) => JSON.stringify(path)));
  const meant = keysMeant(schema, data, first);
  const isMissing = ({ path }: Issue): boolean => meant.has(JSON.stringify(path)) && valueAt(data, path) === undefined;
  const [certain, inQuestion] = parted(
    first.filter((issue) => !isMissing(issue)),
    (issue) => isOfForm(issue) || isIn(places, issue.path),
  );
  let found: readonly Issue[] = inQuestion;
  let trials = 1;
  for (let trial = 0; trial < Math.min(trials, maxTrials); trial++) {
    const outcome = checkWithStandIns(schema, data, first, trial);
    trials = Math.max(trials, outcome.choices);
    if (trial === 0) found = withoutRepeats([...inQuestion, ...outcome.issues]);
    const here = new Set(outcome.issues.map(identityOf));
    found = found.filter((issue) => here.has(identityOf(issue)));
    if (found.length === 0) break;
  }
  return [...certain, ...found];
}

/** Where mistyped keys should stand: such a key is not missing besides. */
function keysMeant(schema: z.ZodType, data: unknown, first: readonly Issue[]): ReadonlySet<string> {
  const meant = first.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [];
    const known = knownKeys(schema, data, issue.path);
    return issue.keys.map((key) => JSON.stringify([...issue.path, nearest(key, known)]));
  });
  return new Set(meant);
}

function parted<T>(list: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [list.filter(isFirst), list.filter((item) => !isFirst(item))];
}

const withoutRepeats = (issues: readonly Issue[]): Issue[] => [
  ...new Map(issues.map((issue) => [identityOf(issue), issue])).values(),
];

/** Two trials find the same where it stands at the same place in the same words: what names a stand-in is found by one only. */
const identityOf = ({ path, ...rest }: Issue): string =>
  JSON.stringify([path, rest.code, rest.message, 'keys' in rest ? rest.keys : null]);

/** `choices`: how many trials show every stand-in. */
type Outcome = { readonly issues: readonly Issue[]; readonly choices: number };

function checkWithStandIns(schema: z.ZodType, data: unknown, first: readonly Issue[], trial: number): Outcome {
  const whole = { data: structuredClone(data) };
  const known: KnownKeys = (path) => knownKeys(schema, whole.data, path);
  const places = new Set<string>();
  const found = new Map<string, Issue>();
  let wrong = first;
  let choices = 1;
  for (let round = 0; round < maxRounds && wrong.some(isOfForm); round++) {
    for (const issue of wrong.filter(isOfForm)) {
      const standIns = standInsOf(issue, valueAt(whole.data, issue.path), known);
      choices = Math.max(choices, standIns.length);
      standIns[trial % standIns.length]?.(whole);
    }
    const issues = schema.safeParse(whole.data).error?.issues.flatMap(keyByKey) ?? [];
    for (const place of wrong.filter(isOfForm).flatMap(placesOf)) places.add(JSON.stringify(place));
    const fresh = issues.filter((issue) => !placesOf(issue).some((path) => isIn(places, path)));
    for (const issue of fresh) found.set(identityOf(issue), issue);
    wrong = issues;
  }
  return { issues: [...found.values()], choices };
}

/** The path itself, or one that it is within. */
const isIn = (places: ReadonlySet<string>, path: Path): boolean =>
  [path, ...path.map((_, length) => path.slice(0, length))].some((place) => places.has(JSON.stringify(place)));

/** One trial may know a key that another does not: they are compared one by one. */
const keyByKey = (issue: Issue): Issue[] =>
  issue.code === 'unrecognized_keys' ? issue.keys.map((key) => ({ ...issue, keys: [key], message: '' })) : [issue];

const placesOf = (issue: Issue): Path[] =>
  issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];

/** After these zod looks no further: something has not the form it must have. After others it goes on by itself. */
function isOfForm(issue: Issue): boolean {
  if (issue.code === 'too_small' || issue.code === 'too_big') return issue.origin === 'array';
  return formCodes.has(issue.code);
}
const formCodes: ReadonlySet<string> = new Set([
  'invalid_type',
  'invalid_value',
  'invalid_union',
  'invalid_key',
  'invalid_element',
  'unrecognized_keys',
]);

type Whole = { data: unknown };
type KnownKeys = (path: Path) => readonly string[];
/** Puts one value, or one key, in the place of what is wrong. */
type StandIn = (whole: Whole) => void;

function standInsOf(issue: Issue, found: unknown, known: KnownKeys): StandIn[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') return keyStandIns(path, issue.keys, known(path));
  if (issue.code === 'invalid_key') return [(whole) => removeAt(whole.data, path)];
  return valuesFor(issue, found).map((value) => (whole) => setAt(whole, path, value));
}

/** Away, or what it probably was meant to be. */
function keyStandIns(path: Path, keys: readonly string[], known: readonly string[]): StandIn[] {
  const renamed = (whole: Whole): void => {
    for (const key of keys) {
      const meant = nearest(key, known);
      const value = valueAt(whole.data, [...path, key]);
      removeAt(whole.data, [...path, key]);
      if (meant !== null && valueAt(whole.data, [...path, meant]) === undefined) setAt(whole, [...path, meant], value);
    }
  };
  const away = (whole: Whole): void => {
    for (const key of keys) removeAt(whole.data, [...path, key]);
  };
  return [away, renamed];
}

function valuesFor(issue: Issue, found: unknown): readonly unknown[] {
  switch (issue.code) {
    case 'invalid_value':
      return issue.values;
    case 'invalid_type':
      return typeValues[issue.expected] ?? [undefined];
    case 'invalid_union':
      return unionValues(issue, found);
    case 'too_small':
      return [ofLength(found, Number(issue.minimum))];
    case 'too_big':
      return [ofLength(found, Number(issue.maximum))];
    default:
      return [undefined];
  }
}

/** So far apart that two of them seldom fall into the same error; the large ones are addresses with the table in front. */
const numbers = [1, 40_001, 0, 300_001, 120, 65_535];
const typeValues: Readonly<Record<string, readonly unknown[]>> = {
  number: numbers,
  int: numbers,
  string: ['stand-in', '/other'],
  boolean: [true, false],
  array: [[]],
  tuple: [[0, 1]],
  object: [{}],
  record: [{}],
};

function unionValues(issue: Extract<Issue, { code: 'invalid_union' }>, found: unknown): readonly unknown[] {
  // Where a discriminator names none of the alternatives, zod lists what it could be.
  if (issue.errors.length === 0) return (issue as { options?: readonly unknown[] }).options ?? [undefined];
  return issue.errors.flatMap(([inner]) => (inner?.path.length === 0 ? valuesFor(inner, found) : []));
}

const ofLength = (found: unknown, length: number): unknown[] => {
  const list: readonly unknown[] = Array.isArray(found) ? found : [];
  return Array.from({ length }, (_, index) => list[index] ?? list[0]);
};

function setAt(whole: Whole, path: Path, value: unknown): void {
  const last = path.at(-1);
  const parent = valueAt(whole.data, path.slice(0, -1));
  if (last === undefined) whole.data = value;
  else if (isObject(parent)) Reflect.set(parent, last, structuredClone(value));
}

function removeAt(data: unknown, path: Path): void {
  const parent = valueAt(data, path.slice(0, -1));
  if (isObject(parent)) Reflect.deleteProperty(parent, path.at(-1) ?? '');
}

const isObject = (value: unknown): value is object => value !== null && typeof value === 'object';
