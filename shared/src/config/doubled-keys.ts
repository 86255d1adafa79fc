import type { Document } from 'yaml';
import type { TextProblem } from './alias-problems.ts';
import { yamlLibrary } from './yaml-library.ts';

/** Keys that stand in one map twice. Each later one is taken out of the document, so that the rest can be checked. */
export function takeDoubledKeys(document: Document.Parsed): TextProblem[] {
  const { isScalar, visit } = yamlLibrary();
  const offsets = new Set(document.errors.filter(({ code }) => code === 'DUPLICATE_KEY').map(({ pos }) => pos[0]));
  const problems: TextProblem[] = [];
  if (offsets.size === 0) return problems;
  visit(document, {
    Pair: (_, { key }) => {
      if (!isScalar(key) || !offsets.has(key.range?.[0] ?? -1)) return undefined;
      const message = `${String(key.value)} is set twice; remove one of the two (what is checked here is the first)`;
      problems.push({ offset: key.range?.[0] ?? 0, message });
      return visit.REMOVE;
    },
  });
  return problems;
}
