import type { NamespaceName } from '@fieldline/shared/config/opcua-path';
import { coerceNodeId, type NodeId } from '../library.ts';

/** A node as the settings name it. An index is only right until the server restarts; a URI stays. */
export type NodeName = {
  readonly text: string;
  readonly namespace: NamespaceName;
  /** `s=Line1.Speed`, `i=1001`, `g=…` or `b=…` */
  readonly identifier: string;
};

export function parseNodeName(text: string): NodeName {
  const [, uri, index, identifier = ''] = /^(?:nsu=([^;]+);|ns=(\d+);)?([isgb]=.+)$/s.exec(text) ?? [];
  const namespace = uri === undefined ? { index: Number(index ?? 0) } : { uri };
  return { text, namespace, identifier };
}

export type ResolvedNode = { readonly nodeId: NodeId } | { readonly reason: string };

/** `namespaces` is the server's NamespaceArray, read anew at each connect: position is index. */
export function resolveNode(node: NodeName, namespaces: readonly string[]): ResolvedNode {
  const { namespace, identifier } = node;
  const index = namespaceIndex(namespace, namespaces);
  if (typeof index !== 'number') return index;
  if (identifier.startsWith('i=') && !/^i=\d{1,10}$/.test(identifier)) {
    return { reason: `${node.text} is not a node id: i= takes a number` };
  }
  try {
    return { nodeId: coerceNodeId(identifier, index) };
  } catch {
    return { reason: `${node.text} is not a node id` };
  }
}

export function namespaceIndex(
  namespace: NamespaceName,
  namespaces: readonly string[],
): number | { readonly reason: string } {
  if ('index' in namespace) return namespace.index;
  const index = namespaces.indexOf(namespace.uri);
  return index < 0
    ? { reason: `the server has no namespace ${namespace.uri}; it has ${namespaces.join(', ')}` }
    : index;
}

/** The inverse of `resolveNode`: by URI, so that it stays right when namespaces are numbered anew. */
export function nodeText(nodeId: NodeId, namespaces: readonly string[]): string {
  const identifier = nodeId.toString().replace(/^ns=\d+;/, '');
  if (nodeId.namespace === 0) return identifier;
  const uri = namespaces[nodeId.namespace];
  return uri === undefined ? `ns=${nodeId.namespace};${identifier}` : `nsu=${uri};${identifier}`;
}
