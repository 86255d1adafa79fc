import type { Document } from 'yaml';
import { yamlLibrary } from './yaml-library.ts';

export type TextProblem = { readonly offset: number; readonly message: string };

/** What is wrong with the aliases (`*name`) of a document: they are only looked up when its data are taken from it. */
export function aliasProblems(document: Document): TextProblem[] {
  const { isNode, visit } = yamlLibrary();
  const anchors = new Set<string>();
  const problems: TextProblem[] = [];
  visit(document, {
    Node: (_, node, path) => {
      if ('anchor' in node && typeof node.anchor === 'string') anchors.add(node.anchor);
      if (!('source' in node) || typeof node.source !== 'string' || 'value' in node) return;
      const { source } = node;
      const offset = node.range?.[0] ?? 0;
      if (!anchors.has(source)) {
        problems.push({
          offset,
          message: `*${source} names no value above it: write &${source} before one, or quote it`,
        });
      } else if (path.some((outer) => isNode(outer) && 'anchor' in outer && outer.anchor === source)) {
        problems.push({ offset, message: `*${source} stands within the value that it names: write the value out` });
      }
    },
  });
  return problems;
}
