/** All instances of types below the Objects folder, by one walk for all of them. */

import { AttributeIds, type DataValue, type NodeId, type Session } from '../library.ts';
import { inCalls } from '../session/call-limit.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { browseChildren, subtypeReferences } from './browse.ts';
import { parseNodeName, resolveNode } from './node-id.ts';
import { objectsFolder } from './node-path.ts';
import { type Place, startAt, walk } from './walk.ts';

/** A plant is not deeper. */
const deepest = 30;
const mostNodes = 200_000;
/** Types that are derived more often than this are none. */
const mostLevels = 20;
const variableType = 16;

/** By the type as the settings name it. `holes`: gets why not all could be seen. */
export async function findInstances(
  session: Session,
  facts: ServerFacts,
  types: readonly string[],
  holes: string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Place[]>> {
  const of = new Map<string, readonly Place[]>();
  if (types.length === 0) return of;
  const wanted = types.flatMap((text) => {
    const resolved = resolveNode(parseNodeName(text), facts.namespaces);
    if ('nodeId' in resolved) return [{ text, nodeId: resolved.nodeId }];
    holes.push(resolved.reason);
    return [];
  });
  const classes = await classesOf(
    session,
    facts,
    wanted.map(({ nodeId }) => nodeId),
  );
  for (const [position, { text }] of wanted.entries())
    if (classes[position] === null) holes.push(`the server has no type ${text}`);
  const ofVariables = classes.includes(variableType);
  const { places, isCut, troubles } = await walk(session, facts, startAt(objectsFolder), {
    depth: deepest,
    most: mostNodes,
    // Variables have other variables below them: only they can be instances there.
    enters: ({ kind }) => kind === 'object' || ofVariables,
    signal,
  });
  if (isCut) holes.push(`the server has more than ${mostNodes} nodes below Objects: use path instead of instancesOf`);
  for (const { place, reason } of troubles.slice(0, 5))
    holes.push(`of ${place.name || 'Objects'} not all children could be had: ${reason}`);
  for (const { text, nodeId } of wanted) of.set(text, instancesIn(places, await withSubtypes(session, facts, nodeId)));
  return of;
}

/** null where there is no such node. */
async function classesOf(session: Session, facts: ServerFacts, nodes: readonly NodeId[]): Promise<(number | null)[]> {
  const read = await inCalls(
    facts.limits.read,
    nodes,
    async (some): Promise<DataValue[]> =>
      session.read(some.map((nodeId) => ({ nodeId, attributeId: AttributeIds.NodeClass }))),
  );
  return read.map(({ value }) => {
    const nodeClass: unknown = value?.value;
    return typeof nodeClass === 'number' ? nodeClass : null;
  });
}

async function withSubtypes(session: Session, facts: ServerFacts, type: NodeId): Promise<ReadonlySet<string>> {
  const all = new Set([String(type)]);
  let level: readonly NodeId[] = [type];
  for (let depth = 0; depth < mostLevels && level.length > 0; depth += 1) {
    const found = await browseChildren(session, level, { limit: facts.limits.browse, references: subtypeReferences });
    level = found.flatMap(({ children }) => children.map(({ nodeId }) => nodeId)).filter((id) => !all.has(String(id)));
    for (const id of level) all.add(String(id));
  }
  return all;
}

/** Each once, where it was found first. */
function instancesIn(places: readonly Place[], types: ReadonlySet<string>): Place[] {
  const byNode = new Map<string, Place>();
  for (const place of places) {
    const id = String(place.nodeId);
    if (place.type !== null && types.has(String(place.type)) && !byNode.has(id)) byNode.set(id, place);
  }
  return [...byNode.values()];
}
