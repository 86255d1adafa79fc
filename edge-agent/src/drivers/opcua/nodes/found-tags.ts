/**
 * What the patterns of the settings stand for: the tags that a server was seen to have, kept in a file beside the journal, so that a start
 * knows them before the server is reached. Pure, apart from the file, and without the library: the agent takes it at its start. Invariants:
 *  - a tag that was found once keeps its id and its path; a later one that would take either is a problem that is told;
 *  - what a server does not have at the moment stays, and is bad/address, until it was missing for `forgetAfterMs`: a server that is half up,
 *    or a machine that is out for a repair, takes no tags away;
 *  - of a device there are never more than `maxPatternTags`.
 */
import { readFileSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { OpcuaDevice, OpcuaPattern, OpcuaTag } from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { isId, type Micros, valueTypes } from '@fieldline/shared/contracts';
import { makeFolder } from '@fieldline/shared/runtime/make-folder';
import { z } from 'zod';

const foundTagSchema = z.object({
  /** Of which pattern: see `patternKey`. */
  pattern: z.string(),
  tag: z.string(),
  path: z.string(),
  type: z.enum(valueTypes),
  unit: z.string().optional(),
  description: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
});
export type FoundTag = Readonly<z.infer<typeof foundTagSchema>>;

/** `missingSince`: null while the server has it. */
const knownTagSchema = foundTagSchema.extend({ missingSince: z.number().nullable() });
export type KnownTag = Readonly<z.infer<typeof knownTagSchema>>;

const fileSchema = z.object({ v: z.literal(1), devices: z.record(z.string(), z.array(knownTagSchema)) });

/** By the name of the device. */
export type KnownTags = Readonly<Record<string, readonly KnownTag[]>>;

/** A file that is larger is none of ours. */
const maxFileBytes = 256 * 1024 * 1024;

/** Empty where there is no file. @throws where it is there and cannot be read */
export function readKnownTags(file: string): KnownTags {
  try {
    if (statSync(file).size > maxFileBytes) throw new Error('it is too large');
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).devices;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
}

/** @throws a system error where the file cannot be written */
export async function writeKnownTags(file: string, devices: KnownTags): Promise<void> {
  makeFolder(dirname(file), 0o750);
  const unnamed = `${file}.new`;
  const opened = await open(unnamed, 'w', 0o640);
  try {
    await opened.writeFile(`${JSON.stringify({ v: 1, devices }, null, 1)}\n`);
    await opened.sync();
  } finally {
    await opened.close();
  }
  await rename(unnamed, file);
}

/** A pattern that the settings change is another one: what was found by the former is forgotten. */
export const patternKey = ({ tag, path, instancesOf }: Pick<OpcuaPattern, 'tag' | 'path' | 'instancesOf'>): string =>
  JSON.stringify([tag, path ?? null, instancesOf ?? null]);

/** The settings with a tag for each that is known of their patterns. */
export const withKnownTags = (config: EdgeConfig, known: KnownTags): EdgeConfig => ({
  ...config,
  devices: config.devices.map((device) => {
    if (device.protocol !== 'opcua' || device.patterns.length === 0) return device;
    return { ...device, tags: [...device.tags, ...tagsOf(device, known[device.device] ?? [])] };
  }),
});

function tagsOf(device: OpcuaDevice, known: readonly KnownTag[]): OpcuaTag[] {
  const patterns = new Map(device.patterns.map((pattern) => [patternKey(pattern), pattern]));
  const taken = new Set(device.tags.map(({ tag }) => tag));
  return known
    .flatMap((tag): OpcuaTag[] => {
      const pattern = patterns.get(tag.pattern);
      if (pattern === undefined || taken.has(tag.tag)) return [];
      taken.add(tag.tag);
      return [tagOf(pattern, tag)];
    })
    .slice(0, device.maxPatternTags);
}

/** What the pattern states goes before what the server says; limits are taken from one of them. */
function tagOf({ instancesOf: _instancesOf, ...stated }: OpcuaPattern, known: KnownTag): OpcuaTag {
  const { tag, path, type, unit, description, minimum, maximum } = known;
  const hasLimits = stated.minimum !== undefined || stated.maximum !== undefined;
  return {
    ...(unit === undefined ? {} : { unit }),
    ...(description === undefined ? {} : { description }),
    ...(hasLimits || minimum === undefined ? {} : { minimum }),
    ...(hasLimits || maximum === undefined ? {} : { maximum }),
    ...stated,
    tag,
    path,
    type: stated.type ?? type,
  };
}

export type Found = {
  readonly tags: readonly FoundTag[];
  /** Whether all of the server was seen: else what is not among them may be there all the same. */
  readonly isWhole: boolean;
};

export type Merged = {
  readonly known: readonly KnownTag[];
  /** What could not be taken, in words for the operator. */
  readonly problems: readonly string[];
};

/** What is known of a device once its server was looked at again. */
export function mergeFound(device: OpcuaDevice, before: readonly KnownTag[], found: Found, now: Micros): Merged {
  const keys = new Set(device.patterns.map(patternKey));
  const seen = new Map(found.tags.map((tag) => [placeOf(tag), tag]));
  const kept = before.flatMap((tag): KnownTag[] => {
    if (!keys.has(tag.pattern)) return [];
    const again = seen.get(placeOf(tag));
    if (again !== undefined) return [{ ...again, tag: tag.tag, missingSince: null }];
    const missingSince = tag.missingSince ?? (found.isWhole ? now : null);
    const isOver = missingSince !== null && found.isWhole && now - missingSince >= device.forgetAfterMs * 1_000;
    return isOver ? [] : [{ ...tag, missingSince }];
  });
  const known = [...kept];
  const places = new Set(kept.map(placeOf));
  const ids = new Set([...device.tags, ...kept].map(({ tag }) => tag));
  const problems: string[] = [];
  let over = 0;
  for (const tag of found.tags) {
    if (places.has(placeOf(tag))) continue;
    const problem = idProblem(tag, ids);
    if (problem !== null) problems.push(problem);
    else if (known.length >= device.maxPatternTags) over += 1;
    else {
      known.push({ ...tag, missingSince: null });
      ids.add(tag.tag);
    }
  }
  return { known, problems: [...(over === 0 ? [] : [tooMany(device, over)]), ...problems] };
}

const placeOf = ({ pattern, path }: FoundTag): string => `${pattern} ${path}`;

function idProblem({ tag, path }: FoundTag, ids: ReadonlySet<string>): string | null {
  if (!isId(tag))
    return `${path} would be ${JSON.stringify(tag)}, which is no id: an id has 1–64 characters; change tag of the pattern`;
  return ids.has(tag)
    ? `${path} would be ${tag}, as another node is already: tell them apart in tag of the pattern (by every {1}, {2}, … that path has; by {path} where there is instancesOf), or make path narrower`
    : null;
}

const tooMany = ({ device, maxPatternTags }: OpcuaDevice, over: number): string =>
  `the patterns of ${device} give ${over} tags more than maxPatternTags ${maxPatternTags} allows, which are not read: make the patterns narrower, or raise it`;
