/**
 * Many tags as a file: gateway, device, tag, and a column for each field that is to be set. An empty cell leaves the field as
 * it is, so an exported file that is imported again changes nothing.
 */
import { nearest } from '@fieldline/shared/config';
import { isId } from '@fieldline/shared/contracts';
import { type Cell, type CsvProblem, csvLine, parseCsv } from '@fieldline/shared/runtime/csv';
import { type FieldName, type Fields, fieldNames } from '../store/periods.ts';
import { type EditProblem, inRows, isNumeric } from './edit.ts';
import { readField } from './read-field.ts';
import { type TagName, textOf } from './tag-name.ts';

export type FileEdit = TagName & {
  readonly stated: Partial<Fields>;
  readonly line: number;
  /** Where each field stands in its line. */
  readonly columns: Partial<Record<FieldName, number>>;
};

export type TagFile = { readonly edits: readonly FileEdit[]; readonly problems: readonly CsvProblem[] };

const names = ['gateway', 'device', 'tag'] as const;
/** An export has it, for people; it is the gateway's to say. */
const ignored = ['type'] as const;
const known: readonly string[] = [...names, ...ignored, ...fieldNames];

export function readTagFile(text: string): TagFile {
  const { rows, problems: unread } = parseCsv(text);
  const [head, ...lines] = rows;
  const problems: CsvProblem[] = [...unread];
  const edits: FileEdit[] = [];
  if (head === undefined)
    return { edits, problems: [{ line: 1, column: 1, message: `is empty: the first line is ${known.join(',')}` }] };
  const wrongHead = headProblems(head);
  if (wrongHead.length > 0) return { edits, problems: [...problems, ...wrongHead] };
  const columns = head.map(({ text: name }) => name.trim());
  const seen = new Map<string, number>();
  for (const cells of lines) {
    const read = readLine(columns, cells);
    problems.push(...read.problems);
    if (read.edit === null) continue;
    const name = textOf(read.edit);
    const before = seen.get(name);
    seen.set(name, read.edit.line);
    if (before === undefined) edits.push(read.edit);
    else
      problems.push({
        line: read.edit.line,
        column: 1,
        message: `${name} stands in line ${before} already; remove one of the two`,
      });
  }
  return { edits, problems };
}

function headProblems(head: readonly Cell[]): CsvProblem[] {
  const columns = head.map(({ text }) => text.trim());
  const problems = head.flatMap(({ line, column }, n) => {
    const name = columns[n] ?? '';
    const at = { line, column };
    if (columns.indexOf(name) < n)
      return [{ ...at, message: `the column ${name} stands here twice; remove one of the two` }];
    if (known.includes(name)) return [];
    const meant = nearest(name, known);
    const advice = meant === null ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
    return [{ ...at, message: `there is no column ${JSON.stringify(name)}: ${advice}` }];
  });
  const missing = names.filter((name) => !columns.includes(name));
  if (missing.length > 0)
    problems.push({
      line: 1,
      column: 1,
      message: `the first line names the columns, and ${missing.join(', ')} must be among them`,
    });
  return problems;
}

function readLine(
  columns: readonly string[],
  cells: readonly Cell[],
): { edit: FileEdit | null; problems: CsvProblem[] } {
  const [first] = cells;
  const line = first?.line ?? 1;
  if (cells.length !== columns.length)
    return {
      edit: null,
      problems: [{ line, column: 1, message: `has ${cells.length} cells; the first line has ${columns.length}` }],
    };
  const problems: CsvProblem[] = [];
  const cellOf = (name: string): Cell | undefined => cells[columns.indexOf(name)];
  for (const name of names) {
    const cell = cellOf(name);
    if (cell !== undefined && !isId(cell.text.trim()))
      problems.push({
        line: cell.line,
        column: cell.column,
        message: `${name} is ${JSON.stringify(cell.text)}: an id is 1–64 of the characters A–Z a–z 0–9 . _ : - and begins with a letter or digit`,
      });
  }
  let stated: Partial<Fields> = {};
  const places: Partial<Record<FieldName, number>> = {};
  for (const field of fieldNames) {
    const cell = cellOf(field);
    if (cell === undefined || cell.text.trim() === '') continue;
    const read = readField(field, cell.text);
    places[field] = cell.column;
    if ('wrong' in read) problems.push({ line: cell.line, column: cell.column, message: `${field} ${read.wrong}` });
    else stated = { ...stated, ...read.stated };
  }
  if (problems.length > 0) return { edit: null, problems };
  const name = (which: string): string => cellOf(which)?.text.trim() ?? '';
  const edit = { gateway: name('gateway'), device: name('device'), tag: name('tag'), stated, line, columns: places };
  return { edit, problems };
}

export const tagFileHead = csvLine([...names, 'type', ...fieldNames]);

export function tagFileLine(tag: TagName & Fields & { readonly type: string }): string {
  const hidden: readonly FieldName[] = isNumeric(tag.type) ? [] : inRows;
  const cells = fieldNames.map((field) => (hidden.includes(field) ? '' : String(tag[field] ?? '')));
  return csvLine([tag.gateway, tag.device, tag.tag, tag.type, ...cells]);
}

/** What is wrong with the file and what the database has against it, in the order of the file. */
export function problemLines(file: string, { edits, problems }: TagFile, found: readonly EditProblem[]): string[] {
  const placed = found.map(({ index, field, message }): CsvProblem => {
    const edit = edits[index];
    return { line: edit?.line ?? 1, column: (field === null ? undefined : edit?.columns[field]) ?? 1, message };
  });
  return [...problems, ...placed]
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
}
