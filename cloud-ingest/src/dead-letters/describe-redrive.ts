/** What became of letters that were redriven, for the operator. */
import { counted, grouped } from '@fieldline/shared/runtime';
import type { Tally } from './redrive-many.ts';
import type { Outcome } from './redrive-outcome.ts';
import { oneLine } from './table.ts';

const reasonWidth = 300;

export function describeOutcome(id: number, outcome: Outcome): string {
  switch (outcome.kind) {
    case 'stored': {
      const rest = outcome.why === null ? '' : `; ${grouped(outcome.left)} still dead: ${troubleOf(outcome.why)}`;
      return `${id}: stored ${counted(outcome.samples, 'sample')} of ${outcome.what}${rest}`;
    }
    case 'applied':
      return `${id}: ${outcome.what} was taken in`;
    case 'needless':
      return `${id}: closed, ${outcome.why}`;
    case 'untried':
      return `${id}: nothing was done, ${outcome.why}`;
    case 'dead':
      return `${id}: still dead, ${troubleOf(outcome.why)}`;
  }
}

const troubleOf = ({ code, reason }: { readonly code: string; readonly reason: string }): string =>
  `${code}: ${oneLine(reason, reasonWidth)}`;

export function describeTally(
  { letters, stored, samples, applied, needless, untried, dead }: Tally,
  isDryRun: boolean,
): string[] {
  const sum = (count: number, text: string): string[] => (count === 0 ? [] : [`  ${grouped(count)} ${text}`]);
  if (letters === 0) return ['no letter to try'];
  return [
    `tried ${counted(letters, 'letter')}${isDryRun ? ' in a dry run: nothing has changed' : ''}`,
    ...sum(stored, `stored, with ${counted(samples, 'sample')}`),
    ...sum(applied, 'taken in: what gateways say of themselves'),
    ...sum(needless, 'closed: there was nothing left to do'),
    ...sum(untried, 'left as they were'),
    ...[...dead].map(
      ([code, { letters: count, firstId, firstReason }]) =>
        `  ${grouped(count)} still dead by ${code}, the first is ${firstId}: ${oneLine(firstReason, reasonWidth)}`,
    ),
  ];
}
