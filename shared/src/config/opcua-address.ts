/** How settings say which node of a server is meant. */
import { z } from 'zod';
import { hasWildcard, type PathName, parsePath, pathRule } from './opcua-path.ts';

const guid = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const nodeForm = new RegExp(`^(nsu=[^;]+;|ns=\\d{1,5};)?(i=\\d{1,10}|g=${guid}|[sb]=.+)$`);

/** OPC 10000-6 5.2.2.9. */
const [mostNamespace, mostNumber] = [2 ** 16 - 1, 2 ** 32 - 1];

export const nodeText = z
  .string()
  .regex(nodeForm, 'a node id such as nsu=urn:plant;s=Line1.Speed, ns=2;i=1001 or i=2258; i= takes digits, g= a GUID')
  .refine(
    (node) => Number(/^ns=(\d+);/.exec(node)?.[1] ?? 0) <= mostNamespace,
    `a namespace index is at most ${mostNamespace}; its URI (nsu=) says more`,
  )
  .refine(
    (node) => Number(/^(?:nsu=[^;]+;|ns=\d+;)?i=(\d+)$/.exec(node)?.[1] ?? 0) <= mostNumber,
    `the number of a node is at most ${mostNumber}`,
  );

export const namespaceUri = z
  .string()
  .min(1)
  .regex(/^[^;]+$/, 'is a URI, such as urn:plant: without a semicolon')
  .optional()
  .describe('URI of the namespace of browse names in paths that state none');

export const pathText = z.string().refine((text) => parsePath(text) !== null, pathRule);

export const addressShape = {
  node: nodeText
    .optional()
    .describe('node id; name the namespace by its URI (nsu=…): a server restart may renumber ns='),
  path: pathText
    .optional()
    .describe(
      'in place of node: browse names from the Objects folder, e.g. Line1/Motor1/Speed; resolved at each connect',
    ),
};

type Addressed = { readonly node?: string | undefined; readonly path?: string | undefined };
type Problem = { readonly path: (string | number)[]; readonly message: string };

/** It states one node, and a path names no other. `keys`: what the settings call the two. */
export function addressProblems(
  { node, path }: Addressed,
  namespace: string | undefined,
  keys: { readonly node: string; readonly path: string } = { node: 'node', path: 'path' },
): Problem[] {
  if ((node === undefined) === (path === undefined)) {
    return [
      {
        path: [keys.node],
        message:
          node === undefined
            ? `is missing: state ${keys.node} or ${keys.path}`
            : `${keys.node} and ${keys.path} are two ways to say it; state one`,
      },
    ];
  }
  if (path === undefined) return [];
  const problem = pathProblem(path, namespace);
  return problem === null ? [] : [{ path: [keys.path], message: problem }];
}

/** What is wrong with a path that names one node. */
function pathProblem(path: string, namespace: string | undefined): string | null {
  const names = parsePath(path) ?? [];
  if (hasWildcard(names))
    return 'a * may stand for many nodes; put it under patterns, or write &* where it is a part of the name';
  return namesProblem(names, namespace);
}

export function namesProblem(names: readonly PathName[], namespace: string | undefined): string | null {
  const [first] = names;
  if (first?.namespace === null && first.texts.join('*') === 'Objects')
    return 'a path begins below the Objects folder; leave Objects/ out';
  if (namespace === undefined && names.some((name) => name.namespace === null))
    return 'it has names without a namespace; state namespace for the device, or write nsu=URI; before each; fieldline-edge browse --paths shows both';
  return null;
}
