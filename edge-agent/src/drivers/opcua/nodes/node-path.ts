/** Nodes by their browse path from the Objects folder, for the server to look up (OPC 10000-4 5.9.4). */
import { type NamespaceName, parsePath } from '@fieldline/shared/config/opcua-path';
import { coerceNodeId, type NodeId, type Session } from '../library.ts';
import { inCalls } from '../session/call-limit.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { mentions } from '../trouble.ts';
import { hierarchicalReferences } from './browse.ts';
import { namespaceIndex, type ResolvedNode } from './node-id.ts';

export type NodePath = {
  readonly text: string;
  readonly names: readonly { readonly namespace: NamespaceName; readonly name: string }[];
};

/** `uri`: of the names that state no namespace. */
export function parseNodePath(text: string, uri: string): NodePath {
  const names = (parsePath(text) ?? []).map(({ namespace, texts }) => ({
    namespace: namespace ?? { uri },
    name: texts.join('*'),
  }));
  return { text, names };
}

export const objectsFolder = coerceNodeId('i=85', 0);

export async function resolvePaths(
  session: Session,
  paths: readonly NodePath[],
  facts: ServerFacts,
): Promise<ResolvedNode[]> {
  const resolved: ResolvedNode[] = [];
  const asked: (AskedPath & { readonly position: number })[] = [];
  for (const [position, path] of paths.entries()) {
    const names = qualify(path, facts.namespaces);
    if ('reason' in names) resolved[position] = names;
    else asked.push({ position, start: objectsFolder, references: hierarchicalReferences, names });
  }
  const results = await inCalls(facts.limits.translate, asked, (some) => translate(session, some));
  for (const [index, { position }] of asked.entries()) {
    const { nodeIds, status } = results[index] ?? { nodeIds: [], status: 'BadNoMatch' };
    resolved[position] = only(paths[position]?.text ?? '', nodeIds, status);
  }
  return resolved;
}

export type QualifiedName = { readonly namespaceIndex: number; readonly name: string };

function qualify(
  { names, text }: NodePath,
  namespaces: readonly string[],
): readonly QualifiedName[] | { readonly reason: string } {
  const qualified: QualifiedName[] = [];
  for (const { namespace, name } of names) {
    const index = namespaceIndex(namespace, namespaces);
    if (typeof index !== 'number') return { reason: `${text}: ${index.reason}` };
    qualified.push({ namespaceIndex: index, name });
  }
  return qualified;
}

export type AskedPath = {
  readonly start: NodeId;
  /** Subtypes included. */
  readonly references: NodeId;
  readonly names: readonly QualifiedName[];
};
type Translated = { readonly nodeIds: readonly NodeId[]; readonly status: string };

/** Where a server lacks the service, its other nodes can be read all the same. */
const unsupported = 'BadServiceUnsupported';

/** One call: of each path the nodes that have it, in their order. */
export async function translate(session: Session, paths: readonly AskedPath[]): Promise<Translated[]> {
  try {
    const results = await session.translateBrowsePath(paths.map(browsePath));
    return results.map(({ statusCode, targets }) => ({
      // What remains of a path leads to another server.
      nodeIds: (targets ?? [])
        .filter(({ remainingPathIndex }) => remainingPathIndex === wholePath)
        .map(({ targetId }) => targetId),
      status: statusCode.name,
    }));
  } catch (error) {
    if (!mentions(error, unsupported)) throw error;
    return paths.map(() => ({ nodeIds: [], status: `${unsupported}: the server looks up no paths, state node` }));
  }
}

const wholePath = 0xffff_ffff;

const browsePath = ({ start, references, names }: AskedPath) => ({
  startingNode: start,
  relativePath: {
    elements: names.map((targetName) => ({
      referenceTypeId: references,
      isInverse: false,
      includeSubtypes: true,
      targetName,
    })),
  },
});

/** Some servers answer with one node several times, as often as references lead to it. */
function only(text: string, nodeIds: readonly NodeId[], status: string): ResolvedNode {
  const [nodeId] = nodeIds;
  if (nodeId === undefined) return { reason: `${text}: no node has this path (${status})` };
  const others = new Set(nodeIds.map(String));
  if (others.size === 1) return { nodeId };
  return {
    reason: `${text}: ${others.size} nodes have this path: state node for the one that is meant, of ${[...others].slice(0, 5).join(', ')}`,
  };
}
