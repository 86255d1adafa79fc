/**
 * Reads a settings file (YAML), checks it whole against its schema and freezes it. Every problem is listed at once, each
 * with file, line, column, key, what is wrong and what would be right. Secrets are never in the file: `…File` keys name
 * files that hold them.
 */
import { readFileSync } from 'node:fs';
import { type Document, isNode, isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { FieldlineError } from '../contracts/errors.ts';
import { aliasProblems } from './alias-problems.ts';
import { describeIssue, keyOf } from './describe-issue.ts';
import { readPlainYaml } from './plain-yaml.ts';

export type ConfigProblem = {
  readonly line: number;
  readonly column: number;
  /** Dotted path, e.g. `devices[2].tags[0].register`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
};

/** @throws FieldlineError settings/unreadable, settings/invalid */
export function loadConfig<Schema extends z.ZodType>(schema: Schema, file: string): z.infer<Schema> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new FieldlineError('settings/unreadable', `${file}: ${(error as Error).message}`, { cause: error });
  }
  return parseConfig(schema, text, file);
}

/** @throws FieldlineError settings/invalid */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, text: string, file: string): z.infer<Schema> {
  // Of settings that have a problem the places are wanted too.
  const plain = readPlainYaml(text);
  const quick = plain === undefined ? undefined : schema.safeParse(plain);
  if (quick?.success === true) return deepFreeze(quick.data);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw invalid(
      file,
      document.errors.map((error) => ({
        ...positionOf(lines, error.pos[0]),
        key: '',
        message: describeYamlError(error, document),
      })),
    );
  }
  const data = dataOf(document, lines, file);
  const result = schema.safeParse(data);
  if (result.success) return deepFreeze(result.data);
  throw invalid(
    file,
    result.error.issues.flatMap((issue) =>
      describeIssue(issue, data, schema).map(({ path, message }) => ({
        ...locate(document, lines, path),
        key: keyOf(path),
        message,
      })),
    ),
  );
}

/** More than any honest file has; without a bound a few lines of aliases of aliases stand for more than memory holds. */
const maxAliasCount = 10_000;

function dataOf(document: Document.Parsed, lines: LineCounter, file: string): unknown {
  const wrong = aliasProblems(document);
  if (wrong.length > 0) {
    throw invalid(
      file,
      wrong.map(({ offset, message }) => ({ ...positionOf(lines, offset), key: '', message })),
    );
  }
  try {
    return document.toJS({ maxAliasCount }) ?? {};
  } catch (error) {
    const message = `cannot be read: ${(error as Error).message}: write the values out instead of aliases of aliases`;
    throw invalid(file, [{ ...locate(document, lines, []), key: '', message }]);
  }
}

function describeYamlError(error: YAMLError, document: Document.Parsed): string {
  if (error.code === 'MULTIPLE_DOCS') return 'a settings file is one document: remove this line and what follows';
  if (error.code !== 'DUPLICATE_KEY') return error.message;
  let name = 'the key';
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key) && key.range?.[0] === error.pos[0]) name = String(key.value);
    },
  });
  return `${name} is set twice; remove one of the two`;
}

function invalid(file: string, problems: ConfigProblem[]): FieldlineError {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const rows = sorted.map((p) => `${file}:${p.line}:${p.column}: ${p.key === '' ? '' : `${p.key}: `}${p.message}`);
  const count = rows.length === 1 ? '1 problem' : `${rows.length} problems`;
  return new FieldlineError('settings/invalid', `${count} in ${file}:\n${rows.map((row) => `  ${row}`).join('\n')}`);
}

function positionOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Where the key stands; for a key that is missing, where its nearest parent does. */
function locate(
  document: Document.Parsed,
  lines: LineCounter,
  path: readonly PropertyKey[],
): { line: number; column: number } {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return positionOf(lines, node.range[0]);
  }
  return { line: 1, column: 1 };
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
