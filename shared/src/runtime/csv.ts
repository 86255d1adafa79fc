/**
 * Comma-separated values as spreadsheets write them (RFC 4180), each cell with its place. Where the first line has more
 * semicolons or tabs than commas, those part the cells: spreadsheets write them in countries whose numbers have a comma.
 * Parsers of others tell the line of a record at best; here every mistake is named with its line and column.
 */
export type Cell = { readonly text: string; readonly line: number; readonly column: number };
export type CsvProblem = { readonly line: number; readonly column: number; readonly message: string };
export type Csv = {
  readonly rows: readonly (readonly Cell[])[];
  readonly problems: readonly CsvProblem[];
  /** Where it is no comma, a comma in a number may be that of a fraction. */
  readonly separator: string;
};

/** Empty lines are left out. Lines and columns count from 1. */
export function parseCsv(text: string): Csv {
  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  const reader = new CsvReader(source, separatorOf(source));
  return reader.read();
}

function separatorOf(text: string): string {
  const first = text.slice(0, text.search(/[\r\n]|$/));
  const count = (separator: string): number => first.split(separator).length;
  return [',', ';', '\t'].reduce((best, each) => (count(each) > count(best) ? each : best));
}

class CsvReader {
  private readonly text: string;
  private readonly separator: string;
  private readonly rows: Cell[][] = [];
  private readonly problems: CsvProblem[] = [];
  private at = 0;
  private line = 1;
  private lineStart = 0;

  constructor(text: string, separator: string) {
    this.text = text;
    this.separator = separator;
  }

  read(): Csv {
    while (this.at < this.text.length) {
      const row = this.row();
      if (row.length > 1 || row[0]?.text.trim() !== '') this.rows.push(row);
    }
    return { rows: this.rows, problems: this.problems, separator: this.separator };
  }

  private row(): Cell[] {
    const cells: Cell[] = [];
    for (;;) {
      cells.push(this.text[this.at] === '"' ? this.quoted() : this.plain());
      if (this.text[this.at] === this.separator) this.at += 1;
      else break;
    }
    this.lineEnd();
    return cells;
  }

  private plain(): Cell {
    const start = this.at;
    while (this.at < this.text.length && this.text[this.at] !== this.separator && !this.isLineEnd()) this.at += 1;
    return { text: this.text.slice(start, this.at), line: this.line, column: start - this.lineStart + 1 };
  }

  private quoted(): Cell {
    const place = { line: this.line, column: this.at - this.lineStart + 1 };
    let text = '';
    for (;;) {
      const from = this.at + 1;
      const to = this.text.indexOf('"', from);
      text += this.text.slice(from, to < 0 ? this.text.length : to);
      this.countLines(from, to < 0 ? this.text.length : to);
      this.at = to < 0 ? this.text.length : to + 1;
      if (to < 0)
        this.problems.push({
          ...place,
          message: 'the quote that begins here has no end: write a quote within a cell twice',
        });
      if (this.text[this.at] !== '"') break;
      text += '"';
    }
    const rest = this.plain();
    if (rest.text.trim() !== '')
      this.problems.push({ ...rest, message: 'stands behind the end of a quote: write a quote within a cell twice' });
    return { text, ...place };
  }

  private countLines(from: number, to: number): void {
    for (let at = this.text.indexOf('\n', from); at >= 0 && at < to; at = this.text.indexOf('\n', at + 1)) {
      this.line += 1;
      this.lineStart = at + 1;
    }
  }

  private isLineEnd(): boolean {
    const character = this.text[this.at];
    return character === '\n' || character === '\r';
  }

  private lineEnd(): void {
    if (this.text[this.at] === '\r') this.at += 1;
    if (this.text[this.at] === '\n') this.at += 1;
    this.line += 1;
    this.lineStart = this.at;
  }
}

/** A line of the file, without its end. */
export const csvLine = (cells: readonly string[]): string =>
  cells
    .map((cell) => (/[",;\t\r\n]/.test(cell) || cell !== cell.trim() ? `"${cell.replaceAll('"', '""')}"` : cell))
    .join(',');
