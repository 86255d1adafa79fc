/** What the patterns of a device stand for on its server now. */
import type { OpcuaDevice, OpcuaPattern } from '@fieldline/shared/config';
import { type PathName, parsePath } from '@fieldline/shared/config/opcua-path';
import { fillPattern } from '@fieldline/shared/config/opcua-pattern';
import type { ValueType } from '@fieldline/shared/contracts';
import type { Session } from '../library.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { browseChildren } from './browse.ts';
import { type Found, type FoundTag, patternKey } from './found-tags.ts';
import { findInstances } from './instances.ts';
import { namespaceIndex } from './node-id.ts';
import { objectsFolder } from './node-path.ts';
import { pathTo } from './path-to.ts';
import { idFrom } from './tag-name.ts';
import { describeVariables, type VariableFacts } from './variables.ts';
import { type Place, startAt, wayTo } from './walk.ts';

export type Expansion = Found & {
  /** In words for the operator. */
  readonly problems: readonly string[];
};

/** A node on the way along a pattern. `captures`: what its wildcards stood for. */
type Match = { readonly place: Place; readonly instance: Place | null; readonly captures: readonly string[] };

/** Beyond this on one level of a path there are more than anybody means. */
const mostMatches = 100_000;

export async function expandPatterns(
  session: Session,
  facts: ServerFacts,
  device: OpcuaDevice,
  signal: AbortSignal,
): Promise<Expansion> {
  /** Why not all could be seen. */
  const holes: string[] = [];
  const remarks: string[] = [];
  const types = [...new Set(device.patterns.flatMap(({ instancesOf }) => instancesOf ?? []))];
  const instances = await findInstances(session, facts, types, holes, signal);
  const tags: FoundTag[] = [];
  for (const pattern of device.patterns) {
    const starts = startsOf(pattern, instances);
    const matches = await matchBelow(session, facts, starts, namesOf(pattern, device), holes);
    signal.throwIfAborted();
    const variables = distinct(matches.filter(({ place }) => place.kind === 'variable'));
    tags.push(...(await tagsOf(session, facts, pattern, device, variables)));
    if (variables.length === 0) remarks.push(`${textOf(pattern)}: no variable fits`);
  }
  return { tags, isWhole: holes.length === 0, problems: [...holes, ...remarks] };
}

const textOf = ({ path, instancesOf }: OpcuaPattern): string =>
  [...(instancesOf === undefined ? [] : [`instances of ${instancesOf}`]), ...(path === undefined ? [] : [path])].join(
    ', ',
  );

function startsOf({ instancesOf }: OpcuaPattern, instances: ReadonlyMap<string, readonly Place[]>): Match[] {
  if (instancesOf === undefined) return [{ place: startAt(objectsFolder), instance: null, captures: [] }];
  return (instances.get(instancesOf) ?? []).map((place) => ({ place, instance: place, captures: [] }));
}

const namesOf = ({ path }: OpcuaPattern, { namespace = '' }: OpcuaDevice) =>
  (path === undefined ? [] : (parsePath(path) ?? [])).map((name) => ({
    ...name,
    namespace: name.namespace ?? { uri: namespace },
  }));

async function matchBelow(
  session: Session,
  facts: ServerFacts,
  starts: readonly Match[],
  names: readonly (PathName & { namespace: NonNullable<PathName['namespace']> })[],
  holes: string[],
): Promise<readonly Match[]> {
  let level = starts;
  for (const { namespace, texts } of names) {
    const index = namespaceIndex(namespace, facts.namespaces);
    if (typeof index !== 'number') {
      holes.push(index.reason);
      return [];
    }
    const capture = captureOf(texts);
    const browsed = await browseChildren(
      session,
      level.map(({ place }) => place.nodeId),
      { limit: facts.limits.browse },
    );
    level = level.flatMap((match, position): Match[] => {
      const { children = [], trouble = null } = browsed[position] ?? {};
      if (trouble !== null) holes.push(`of ${match.place.name || 'Objects'} not all children could be had: ${trouble}`);
      return children.flatMap((child): Match[] => {
        const captures = child.namespaceIndex === index ? capture(child.name) : null;
        if (captures === null) return [];
        const place = { ...child, parent: match.place };
        return [{ ...match, place, captures: [...match.captures, ...captures] }];
      });
    });
    if (level.length > mostMatches) {
      holes.push(`a pattern fits more than ${mostMatches} nodes: make it narrower`);
      level = level.slice(0, mostMatches);
    }
  }
  return level;
}

/** Gives what the wildcards stand for; null where the name does not fit. */
function captureOf(texts: readonly string[]): (name: string) => readonly string[] | null {
  const form = new RegExp(`^${texts.map((text) => RegExp.escape(text)).join('(.*)')}$`, 'su');
  return (name) => form.exec(name)?.slice(1) ?? null;
}

/** Several ways may lead to one node: the first counts. */
function distinct(matches: readonly Match[]): Match[] {
  const seen = new Set<string>();
  return matches.filter(({ place }) => {
    const id = String(place.nodeId);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

async function tagsOf(
  session: Session,
  facts: ServerFacts,
  pattern: OpcuaPattern,
  device: OpcuaDevice,
  variables: readonly Match[],
): Promise<FoundTag[]> {
  const described = await describeVariables(
    session,
    facts,
    variables.map(({ place }) => place.nodeId),
  );
  return variables.flatMap((match, position): FoundTag[] => {
    const variable = described[position];
    if (variable === undefined) return [];
    const { unit, description, minimum, maximum } = variable;
    return [
      {
        pattern: patternKey(pattern),
        tag: idOf(pattern.tag, match),
        path: pathTo(match.place, facts.namespaces, device.namespace),
        type: typeFor(pattern, variable),
        ...(unit === undefined ? {} : { unit }),
        ...(description === undefined ? {} : { description }),
        ...(minimum === undefined ? {} : { minimum }),
        ...(maximum === undefined ? {} : { maximum }),
      },
    ];
  });
}

/** Of what the tag takes of the variable. */
function typeFor({ type, part, element }: OpcuaPattern, variable: VariableFacts): ValueType {
  if (type !== undefined) return type;
  if (part !== undefined) return part === 'status' ? 'uint32' : 'int64';
  return element === undefined ? variable.type : (variable.elementType ?? 'string');
}

const idOf = (tag: string, { captures, instance }: Match): string =>
  fillPattern(tag, (name) => {
    if (name === 'name') return idFrom(instance?.name ?? '');
    if (name === 'path')
      return instance === null
        ? ''
        : idFrom(
            wayTo(instance)
              .map((place) => place.name)
              .join('.'),
          );
    return idFrom(captures[Number(name) - 1] ?? '');
  });
