/**
 * The tags of a Modbus device as a list for a spreadsheet: the first line names the columns, which are the settings of a tag; a
 * cell that is empty is a setting that is not stated. Every mistake is told with its line and column.
 */
import { type AddressBase, nearest, type StatedTag } from '@fieldline/shared/config';
import { tagListSchema } from '@fieldline/shared/config/modbus-list';
import { issuesOf } from '@fieldline/shared/config/settings-text';
import { counted } from '@fieldline/shared/runtime/counted';
import { type Cell, type CsvProblem, csvLine, parseCsv } from '@fieldline/shared/runtime/csv';
import { type Column, cellOf, columnNames, settingOf } from './cells.ts';

const always: readonly Column[] = ['tag', 'table', 'address', 'type'];
/** A line needs its tag, and one of those that say where it stands. */
const needed: readonly (readonly [Column, ...Column[]])[] = [['tag'], ['address', 'file']];

/** The columns that any tag fills. */
export function tagListOf(tags: readonly StatedTag[]): string[] {
  const used = columnNames.filter((name) => always.includes(name) || tags.some((tag) => tag[name] !== undefined));
  return [csvLine(used), ...tags.map((tag) => csvLine(used.map((name) => cellOf(tag, name))))];
}

export type TagList = { readonly tags: readonly StatedTag[]; readonly problems: readonly CsvProblem[] };

export function readTagList(text: string, addressBase: AddressBase): TagList {
  const { rows, problems, separator } = parseCsv(text);
  const [head, ...lines] = rows;
  if (head === undefined || lines.length === 0) {
    const message = `has no tags: the first line names the columns, such as ${csvLine(always)}, the others have a tag each`;
    return { tags: [], problems: [{ line: 1, column: 1, message }] };
  }
  const names = head.map((cell) => cell.text.trim());
  const wrong = [...problems, ...headProblems(head, names)];
  const columns = names.map((name) => columnMeant(name) ?? name);
  // Without these columns, and with cells that run into each other, each line would have the same mistake.
  if (problems.length > 0 || missingAmong(columns).length > 0) return { tags: [], problems: wrong };
  const read = lines.map((cells) => readLine(columns, cells, separator !== ','));
  const checked = issuesOf(tagListSchema(addressBase), { tags: read.map(({ stated }) => stated) });
  const ofLines = [...wrong, ...read.flatMap((line) => line.problems), ...repeated(read)];
  if (checked.issues === null) return { tags: checked.data.tags, problems: ofLines };
  const ofCells = checked.issues.flatMap(({ path, message }): CsvProblem[] => {
    const [, position, column = ''] = path;
    const line = read[Number(position)];
    if (line === undefined || line.problems.length > 0) return [];
    return [{ ...line.placeOf(String(column)), message: `${String(column)} ${message}`.trim() }];
  });
  return { tags: [], problems: [...ofLines, ...ofCells] };
}

const missingAmong = (columns: readonly string[]): Column[] =>
  needed
    .filter((names) => !columns.some((column) => names.some((name) => columnMeant(column) === name)))
    .map(([name]) => name);

const columnMeant = (name: string): string | null =>
  columnNames.some((known) => known === name) ? name : nearest(name, columnNames);

function headProblems(head: readonly Cell[], columns: readonly string[]): CsvProblem[] {
  const known: readonly string[] = columnNames;
  const problems = head.flatMap(({ line, column }, index): CsvProblem[] => {
    const name = columns[index] ?? '';
    if (columns.indexOf(name) < index) {
      return [{ line, column, message: `the column ${name} stands here twice; remove one of the two` }];
    }
    if (known.includes(name)) return [];
    const meant = nearest(name, known);
    const advice = meant === null ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
    return [{ line, column, message: `there is no column ${JSON.stringify(name)}: ${advice}` }];
  });
  const missing = missingAmong(columns);
  if (missing.length === 0) return problems;
  const message = `the first line names the columns, and ${missing.join(', ')} must be among them`;
  return [...problems, { line: 1, column: 1, message }];
}

type Line = {
  /** What its cells say, before any schema has seen it. */
  readonly stated: Readonly<Record<string, unknown>>;
  readonly problems: readonly CsvProblem[];
  readonly placeOf: (column: string) => Pick<CsvProblem, 'line' | 'column'>;
};

function readLine(columns: readonly string[], cells: readonly Cell[], hasComma: boolean): Line {
  const start = { line: cells[0]?.line ?? 1, column: 1 };
  const placeOf: Line['placeOf'] = (name) => {
    const cell = cells[columns.indexOf(name)];
    return cell === undefined ? start : { line: cell.line, column: cell.column };
  };
  const stated = columnNames.flatMap((name) => {
    const text = cells[columns.indexOf(name)]?.text ?? '';
    return text.trim() === '' ? [] : [[name, settingOf(text, name, hasComma)] as const];
  });
  const line = { stated: Object.fromEntries(stated), problems: [], placeOf };
  if (cells.length === columns.length) return line;
  const message = `has ${counted(cells.length, 'cell')}; the first line has ${columns.length}`;
  return { ...line, problems: [{ ...start, message }] };
}

function repeated(lines: readonly Line[]): CsvProblem[] {
  const seen = new Map<unknown, number>();
  return lines.flatMap(({ stated: { tag }, placeOf }): CsvProblem[] => {
    if (tag === undefined) return [];
    const place = placeOf('tag');
    const before = seen.get(tag);
    if (before === undefined) seen.set(tag, place.line);
    return before === undefined
      ? []
      : [{ ...place, message: `${String(tag)} stands in line ${before} already; rename or remove one of the two` }];
  });
}
