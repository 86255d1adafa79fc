/** The node of a tag as its settings say it, and as the server has it now. */
import type { OpcuaTag } from '@fieldline/shared/config';
import type { Session } from '../library.ts';
import type { ServerFacts } from '../session/server-facts.ts';
import { type NodeName, parseNodeName, type ResolvedNode, resolveNode } from './node-id.ts';
import { type NodePath, parseNodePath, resolvePaths } from './node-path.ts';

export type NodeAddress = NodeName | NodePath;

/** `namespace`: of names in the path that state none. */
export const parseAddress = ({ node, path }: Pick<OpcuaTag, 'node' | 'path'>, namespace = ''): NodeAddress =>
  path === undefined ? parseNodeName(node ?? '') : parseNodePath(path, namespace);

const isPath = (address: NodeAddress): address is NodePath => 'names' in address;

/** Of each item its node, in their order. */
export async function resolveAddresses<Addressed extends { readonly node: NodeAddress }>(
  session: Session,
  items: readonly Addressed[],
  facts: ServerFacts,
): Promise<{ readonly item: Addressed; readonly resolved: ResolvedNode }[]> {
  const paths = items.map(({ node }) => node).filter(isPath);
  const found = await resolvePaths(session, paths, facts);
  const ofPath = new Map(paths.map((path, position) => [path, found[position]]));
  return items.map((item) => {
    const { node } = item;
    const resolved = isPath(node) ? ofPath.get(node) : resolveNode(node, facts.namespaces);
    return { item, resolved: resolved ?? { reason: `${node.text}: the server did not look it up` } };
  });
}
