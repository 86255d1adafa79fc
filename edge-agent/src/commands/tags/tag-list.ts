/**
 * The tags of a Modbus device as a list for a spreadsheet: the first line names the columns, which are the settings of a tag; a
 * cell that is empty is a setting that is not stated. Every mistake is told with its line and column.
 */
import { type AddressBase, mapProblems, modbusTagSchema, nearest, type StatedTag } from '@fieldline/shared/config';
import { issuesOf } from '@fieldline/shared/config/settings-text';
import { counted } from '@fieldline/shared/runtime/counted';
import { type Cell, type CsvProblem, csvLine, parseCsv } from '@fieldline/shared/runtime/csv';
import { type Column, cellOf, columnNames, settingOf } from './cells.ts';

const always: readonly Column[] = ['tag', 'table', 'address', 'type'];
const needed: readonly Column[] = ['tag'];
/** One of them says where a tag stands. */
const places: readonly Column[] = ['address', 'file'];

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
  const columns = head.map((cell) => cell.text.trim());
  const wrong = [...problems, ...headProblems(head, columns)];
  if (wrong.length > 0) return { tags: [], problems: wrong };
  const read = lines.map((cells) => readLine(columns, cells, separator !== ','));
  const ofLines = [...read.flatMap((line) => line.problems), ...repeated(read)];
  const tags = read.flatMap(({ tag }) => tag ?? []);
  if (ofLines.length > 0) return { tags: [], problems: ofLines };
  const ofMap = mapProblems({ addressBase, maxRegisters: 125, maxBits: 2_000, tags }).flatMap(([path, message]) => {
    const [, position, column] = path;
    const line = read[Number(position)];
    return line === undefined ? [] : [{ ...line.placeOf(String(column)), message: `${String(column)} ${message}` }];
  });
  return { tags, problems: ofMap };
}

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
  const missing = [
    ...needed.filter((name) => !columns.includes(name)),
    ...(places.some((name) => columns.includes(name)) ? [] : ['address']),
  ];
  if (missing.length === 0) return problems;
  const message = `the first line names the columns, and ${missing.join(', ')} must be among them`;
  return [...problems, { line: 1, column: 1, message }];
}

type Line = {
  readonly tag: StatedTag | null;
  readonly problems: readonly CsvProblem[];
  readonly placeOf: (column: string) => Pick<CsvProblem, 'line' | 'column'>;
};

function readLine(columns: readonly string[], cells: readonly Cell[], hasComma: boolean): Line {
  const start = { line: cells[0]?.line ?? 1, column: 1 };
  const placeOf: Line['placeOf'] = (name) => {
    const cell = cells[columns.indexOf(name)];
    return cell === undefined ? start : { line: cell.line, column: cell.column };
  };
  if (cells.length !== columns.length) {
    const message = `has ${counted(cells.length, 'cell')}; the first line has ${columns.length}`;
    return { tag: null, problems: [{ ...start, message }], placeOf };
  }
  const stated = columnNames.flatMap((name) => {
    const text = cells[columns.indexOf(name)]?.text ?? '';
    return text.trim() === '' ? [] : [[name, settingOf(text, name, hasComma)]];
  });
  const checked = issuesOf(modbusTagSchema, Object.fromEntries(stated));
  if (checked.issues === null) return { tag: checked.data, problems: [], placeOf };
  const problems = checked.issues.map(({ path, message }) => {
    const name = String(path[0] ?? '');
    return { ...placeOf(name), message: `${name} ${message}`.trim() };
  });
  return { tag: null, problems, placeOf };
}

function repeated(lines: readonly Line[]): CsvProblem[] {
  const seen = new Map<string, number>();
  return lines.flatMap(({ tag, placeOf }): CsvProblem[] => {
    if (tag === null) return [];
    const place = placeOf('tag');
    const before = seen.get(tag.tag);
    if (before === undefined) seen.set(tag.tag, place.line);
    return before === undefined
      ? []
      : [{ ...place, message: `${tag.tag} stands in line ${before} already; rename or remove one of the two` }];
  });
}
