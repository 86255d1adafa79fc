/** The text of a settings file (YAML) as data, with the place of each key, so that a problem is told where it stands. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { Document, LineCounter } from 'yaml';
import type { z } from 'zod';
import { FieldlineError } from '../contracts/errors.ts';
import { fileTrouble } from '../runtime/file-trouble.ts';
import { aliasProblems } from './alias-problems.ts';
import { describeIssue, type IssueText, keyOf } from './describe-issue.ts';
import { takeDoubledKeys } from './doubled-keys.ts';
import { withHidden } from './hidden-issues.ts';
import { readPlainYaml } from './plain-yaml.ts';
import { describeYamlError } from './yaml-error.ts';
import { yamlLibrary } from './yaml-library.ts';

export type ConfigProblem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path, e.g. `devices[2].tags[0].register`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
};

export type SettingsText = {
  readonly file: string;
  readonly data: unknown;
  /** Keys that are set twice, which hinder no check: of each the data have the first. */
  readonly doubled: readonly ConfigProblem[];
  readonly problemAt: (issue: IssueText) => ConfigProblem;
};

/** What a check gives: the data, or what is wrong with them. */
export type Checked<T> =
  | { readonly data: T; readonly problems: null }
  | { readonly problems: readonly ConfigProblem[] };

/** @throws FieldlineError settings/unreadable */
export function readText(file: string): string {
  const bytes = readBytes(file);
  const problem = encodingProblem(bytes);
  if (problem !== null) throw new FieldlineError('settings/unreadable', `${file}${problem}; save it as UTF-8`);
  return bytes.toString('utf8');
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FieldlineError('settings/unreadable', `${file}: ${fileTrouble(error)}`, { cause: error });
  }
}

/** Other encodings would be read as other letters without a word, in names that stand in the database for years. */
function encodingProblem(bytes: Buffer): string | null {
  const mark = bytes.subarray(0, 2).toString('hex');
  const isWide = mark === 'fffe' || mark === 'feff' || (bytes.length > 1 && (bytes[0] === 0 || bytes[1] === 0));
  if (isWide) return ': is UTF-16';
  if (isUtf8(bytes)) return null;
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    const stop = end < 0 ? bytes.length : end;
    if (!isUtf8(bytes.subarray(start, stop))) return `:${line}: has a byte that is not UTF-8, as Latin-1 has`;
    if (end < 0) return ': has bytes that are not UTF-8';
    start = end + 1;
  }
}

/** What is no YAML has no data to check: then only that is told. */
export function parseText(text: string, file: string): Checked<SettingsText> {
  const plain = readPlainYaml(text);
  if (plain === undefined) return parseAny(text, file);
  let placed: SettingsText['problemAt'] | null = null;
  // Of most texts nobody wants to know the places.
  const problemAt = (issue: IssueText): ConfigProblem => {
    placed ??= placesIn(documentOf(text), file);
    return placed(issue);
  };
  return { data: { file, data: plain, doubled: [], problemAt }, problems: null };
}

type Parsed = { readonly document: Document.Parsed; readonly lines: LineCounter };

function documentOf(text: string): Parsed {
  const { LineCounter, parseDocument } = yamlLibrary();
  const lines = new LineCounter();
  return { document: parseDocument(text, { lineCounter: lines, prettyErrors: false }), lines };
}

const placesIn =
  ({ document, lines }: Parsed, file: string) =>
  ({ path, message }: IssueText): ConfigProblem => ({
    file,
    ...locate(document, lines, path),
    key: keyOf(path),
    message,
  });

function parseAny(text: string, file: string): Checked<SettingsText> {
  const parsed = documentOf(text);
  const { document, lines } = parsed;
  const at = (offset: number, message: string): ConfigProblem => ({
    file,
    ...positionOf(lines, offset),
    key: '',
    message,
  });
  const doubled = takeDoubledKeys(document).map(({ offset, message }) => at(offset, message));
  const errors = document.errors.filter(({ code }) => code !== 'DUPLICATE_KEY');
  if (errors.length > 0) {
    return { problems: [...doubled, ...errors.map((error) => at(error.pos[0], describeYamlError(error)))] };
  }
  const wrong = aliasProblems(document);
  if (wrong.length > 0) return { problems: [...doubled, ...wrong.map(({ offset, message }) => at(offset, message))] };
  try {
    const data: unknown = document.toJS({ maxAliasCount }) ?? {};
    return { data: { file, data, doubled, problemAt: placesIn(parsed, file) }, problems: null };
  } catch (error) {
    const message = `cannot be read: ${(error as Error).message}: write the values out instead of aliases of aliases`;
    return { problems: [{ file, ...locate(document, lines, []), key: '', message }] };
  }
}

/** Each problem in words, also those that the first ones hide; `data`: what is checked, where it is not the text's own. */
export function issuesOf<Schema extends z.ZodType>(
  schema: Schema,
  data: unknown,
): { readonly data: z.infer<Schema>; readonly issues: null } | { readonly issues: readonly IssueText[] } {
  const result = schema.safeParse(data);
  if (result.success) return { data: result.data, issues: null };
  const issues = withHidden(schema, data, result.error.issues);
  return { issues: issues.flatMap((issue) => describeIssue(issue, data, schema)) };
}

export function invalid(file: string, problems: readonly ConfigProblem[]): FieldlineError {
  const rows = problemLines(file, problems).map((line) => `  ${line}`);
  const count = rows.length === 1 ? '1 problem' : `${rows.length} problems`;
  const files = filesOf(file, problems)
    .filter((one) => problems.some((problem) => problem.file === one))
    .join(' and ');
  return new FieldlineError('settings/invalid', `${count} in ${files}:\n${rows.join('\n')}`);
}

const filesOf = (file: string, problems: readonly ConfigProblem[]): string[] => [
  ...new Set([file, ...problems.map((problem) => problem.file)]),
];

/** A line each, in the order of the text: `edge.yaml:7:5: devices[0].unit: …`; those of `file` first. */
export function problemLines(file: string, problems: readonly ConfigProblem[]): string[] {
  const order = filesOf(file, problems);
  return [...problems]
    .sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line || a.column - b.column)
    .map((p) => `${p.file}:${p.line}:${p.column}: ${p.key === '' ? '' : `${p.key}: `}${p.message}`);
}

export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/** More than any honest file has; without a bound a few lines of aliases of aliases stand for more than memory holds. */
const maxAliasCount = 10_000;

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
    if (yamlLibrary().isNode(node) && node.range) return positionOf(lines, node.range[0]);
  }
  return { line: 1, column: 1 };
}
