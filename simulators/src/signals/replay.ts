import { readFileSync } from 'node:fs';
import { FieldlineError } from '@fieldline/shared/contracts';
import type { Sampler, SignalOf } from './sampler.ts';

/** A value per line, over and over: the first at the Unix epoch, the next `stepMs` later. */
export const replay = (signal: SignalOf<'replay'>): Sampler => {
  const cells = replayCells(signal);
  return (timeMs) => {
    const index = Math.floor(timeMs / signal.stepMs) % cells.length;
    return cells[index < 0 ? index + cells.length : index] as string | number;
  };
};

const columnsRead = new Map<string, readonly (string | number)[]>();

/**
 * One column of a CSV file (comma, no quotes; a line that begins with # is a comment), read once per process. What reads as
 * a number is one; an integer that a number cannot hold stays text, for the point's type to read exactly.
 * @throws FieldlineError settings/unreadable, settings/invalid
 */
export function replayCells({ file, column }: SignalOf<'replay'>): readonly (string | number)[] {
  const key = `${column} ${file}`;
  const known = columnsRead.get(key);
  if (known !== undefined) return known;
  const cells = readLines(file).map(({ text, line }) => {
    const cell = text.split(',')[column]?.trim();
    if (cell === undefined) {
      throw new FieldlineError('settings/invalid', `${file}:${line}: has no column ${column}; the first is 0`);
    }
    return parseCell(cell);
  });
  if (cells.length === 0) throw new FieldlineError('settings/invalid', `${file}: has no values; it needs one per line`);
  columnsRead.set(key, cells);
  return cells;
}

function readLines(file: string): { text: string; line: number }[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new FieldlineError('settings/unreadable', `replay: cannot read ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return text
    .split(/\r?\n/)
    .map((row, index) => ({ text: row, line: index + 1 }))
    .filter((row) => row.text.trim() !== '' && !row.text.startsWith('#'));
}

function parseCell(cell: string): string | number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell)) return cell;
  const number = Number(cell);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? cell : number;
}
