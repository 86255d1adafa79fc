/** Many dead letters for the operator: how many of each kind, then a page of them, a line each. */
import { countOf, subtractRanges } from '@fieldline/shared/contracts';
import { grouped } from '@fieldline/shared/runtime';
import { isoOf } from '../instant.ts';
import type { LetterCount, LetterHead } from './letters.ts';
import { oneLine, tableOf } from './table.ts';

const reasonWidth = 80;

export function describeLetters(
  counts: readonly LetterCount[],
  page: readonly LetterHead[],
  next: number | null,
): string[] {
  if (counts.length === 0) return ['no dead letters'];
  return [
    ...tableOf(
      ['code', 'stage', 'open', 'redriven', 'newest received'],
      counts.map(({ code, stage, open, redriven, newest }) => [code, stage, open, redriven, isoOf(newest)]),
    ),
    '',
    ...tableOf(['id', 'received', 'gateway', 'code', 'samples', 'tries', 'state', 'reason'], page.map(cellsOf)),
    ...(next === null ? [] : [`… older ones: --after ${next}`]),
  ];
}

const cellsOf = (letter: LetterHead): string[] => [
  String(letter.id),
  isoOf(letter.receivedAt),
  letter.gateway ?? '?',
  letter.code,
  samplesOf(letter),
  String(letter.attempts),
  letter.redrivenAt === null ? 'open' : 'redriven',
  oneLine(letter.reason, reasonWidth),
];

function samplesOf({ positions, redriven }: LetterHead): string {
  if (positions === null) return 'record';
  const count = countOf(positions);
  const left = countOf(subtractRanges(positions, redriven));
  return left === count ? grouped(count) : `${grouped(left)} of ${grouped(count)}`;
}
