/** Tags by pattern: one setting for all nodes whose path fits, or for all instances of a type. Their ids are made of what was found. */
import { z } from 'zod';
import { namesProblem, nodeText, pathText } from './opcua-address.ts';
import { hasWildcard, parsePath } from './opcua-path.ts';

export const patternShape = {
  tag: z
    .string()
    .min(1)
    .max(256)
    .describe(
      'id of the tags that it makes, e.g. {1}-{2}-speed: {1}, {2} … are what the wildcards of path stand for; with instancesOf {name} is the browse name of the instance, {path} its names from the Objects folder',
    ),
  path: pathText
    .optional()
    .describe('browse names with wildcards, e.g. Line*/Motor*/Speed; from the Objects folder, or from each instance'),
  instancesOf: nodeText
    .optional()
    .describe('node id of a type: all of its instances below the Objects folder, those of its subtypes included'),
};

type Pattern = {
  readonly tag: string;
  readonly path?: string | undefined;
  readonly instancesOf?: string | undefined;
};
type Problem = { readonly path: (string | number)[]; readonly message: string };

export function patternProblems(pattern: Pattern, namespace: string | undefined): Problem[] {
  const { tag, path, instancesOf } = pattern;
  if (path === undefined && instancesOf === undefined)
    return [{ path: ['path'], message: 'is missing: state path, instancesOf, or both' }];
  const names = parsePath(path ?? '') ?? [];
  const ofPath =
    instancesOf === undefined && !hasWildcard(names)
      ? 'it has no *, and so names one node; put it under tags'
      : namesProblem(names, namespace);
  const wildcards = names.reduce((sum, { texts }) => sum + texts.length - 1, 0);
  const ofTag = placeholderProblem(tag, wildcards, instancesOf !== undefined);
  return [
    ...(ofPath === null ? [] : [{ path: ['path'], message: ofPath }]),
    ...(ofTag === null ? [] : [{ path: ['tag'], message: ofTag }]),
  ];
}

const placeholder = /\{([^{}]*)\}/g;

function placeholderProblem(tag: string, wildcards: number, hasInstances: boolean): string | null {
  const used = [...tag.matchAll(placeholder)].map(([, name = '']) => name);
  const numbers = Array.from({ length: wildcards }, (_, index) => String(index + 1));
  const known = [...numbers, ...(hasInstances ? ['name', 'path'] : [])];
  const there =
    known.length === 0 ? 'there are none without a *' : `there are ${known.map((name) => `{${name}}`).join(', ')}`;
  const unknown = used.find((name) => !known.includes(name));
  if (unknown !== undefined) return `it has {${unknown}}; ${there}`;
  if (used.length === 0) return `all of its tags would have this id; ${there}`;
  return /^[A-Za-z0-9._:-]*$/.test(tag.replaceAll(placeholder, ''))
    ? null
    : 'beside {…} it may have A–Z a–z 0–9 . _ : -';
}

/** The id for one node; what it gives may be no id, e.g. too long. `give`: for the name of a placeholder. */
export const fillPattern = (tag: string, give: (name: string) => string): string =>
  tag.replaceAll(placeholder, (_whole, name: string) => give(name));
