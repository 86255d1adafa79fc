import { coerceNodeId, type NodeId } from './library.ts';

/** A node as the settings name it. An index is only right until the server restarts; a URI stays. */
export type NodeName = {
  readonly text: string;
  readonly namespace: { readonly uri: string } | { readonly index: number };
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
  const index = 'uri' in namespace ? namespaces.indexOf(namespace.uri) : namespace.index;
  if ('uri' in namespace && index < 0) {
    return { reason: `the server has no namespace ${namespace.uri}; it has ${namespaces.join(', ')}` };
  }
  if (identifier.startsWith('i=') && !/^i=\d{1,10}$/.test(identifier)) {
    return { reason: `${node.text} is not a node id: i= takes a number` };
  }
  try {
    return { nodeId: coerceNodeId(identifier, index) };
  } catch {
    return { reason: `${node.text} is not a node id` };
  }
}
