import { type Figure, judge, type Target } from './benchmark.ts';

function words(target: Target): string {
  const [sign, bound] = 'atLeast' in target ? ['≥', target.atLeast] : ['≤', target.atMost];
  const aim = target.aim === undefined ? '' : `, aim ${target.aim.toLocaleString('en-GB')}`;
  return `${sign} ${bound.toLocaleString('en-GB')}${aim}`;
}

/** Three digits that count, and no more decimals than the number can bear. */
function format(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const row = ({ name, value, unit, target, note }: Figure): readonly string[] => [
  name,
  format(value),
  unit,
  target === undefined ? '' : words(target),
  target === undefined ? '' : judge(value, target),
  note ?? '',
];

const head = ['', 'measured', 'unit', 'target', '', ''];

/** A Markdown table: to read at the terminal, and to paste into README.md. */
export function table(figures: readonly Figure[]): string {
  const rows = [head, ...figures.map(row)];
  const widths = head.map((_, column) => Math.max(3, ...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 1 ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(head), line(rule), ...rows.slice(1).map(line)].join('\n');
}
