/** The arguments of `dead-letters`: what the operator asks for, or what is wrong with it. */
import { parseArgs } from 'node:util';
import { type Ranges, unionRanges } from '@fieldline/shared/contracts';
import { microsOf } from '../instant.ts';
import { deadLetterStages } from './dead-letter.ts';
import { type LetterFilter, letterStates } from './letters.ts';
import { parsePositions } from './positions.ts';

export type LetterArguments =
  | {
      readonly action: 'list';
      readonly filter: LetterFilter;
      readonly after: number | null;
      readonly limit: number;
      readonly json: boolean;
    }
  | { readonly action: 'show'; readonly id: number; readonly isFull: boolean; readonly json: boolean }
  | {
      readonly action: 'redrive';
      readonly letters: LettersWanted;
      readonly positions: Ranges | null;
      readonly dryRun: boolean;
    };

/** Some by their ids, or all open ones that pass a filter. */
export type LettersWanted =
  | { readonly kind: 'ids'; readonly ids: readonly number[] }
  | { readonly kind: 'filter'; readonly filter: LetterFilter };

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const filterOptions = { gateway: text, code: text, stage: text, from: text, to: text };
const options = {
  list: { ...filterOptions, state: text, limit: text, after: text, json: flag },
  show: { full: flag, json: flag },
  redrive: { ...filterOptions, all: flag, position: { ...text, multiple: true }, 'dry-run': flag },
} as const;

const defaultLimit = 20;
const maxLimit = 2_000;
/** Beyond it the command line is no place for them. */
const maxIds = 1_000;

class Wrong extends Error {}

/** A string says what is wrong. */
export function parseLetterArguments(args: readonly string[]): LetterArguments | string {
  const [action, ...rest] = args;
  try {
    if (action === 'list') return listOf(rest);
    if (action === 'show') return showOf(rest);
    if (action === 'redrive') return redriveOf(rest);
    return action === undefined ? 'list, show or redrive?' : `there is no dead-letters ${action}`;
  } catch (error) {
    // parseArgs says what is wrong by TypeErrors with a code.
    if (error instanceof Wrong || (error instanceof TypeError && 'code' in error)) return error.message;
    throw error;
  }
}

function listOf(args: string[]): LetterArguments {
  const { values } = parseArgs({ args, options: options.list });
  const { state = 'open', limit, after, json = false } = values;
  const known = letterStates.find((each) => each === state);
  if (known === undefined) throw new Wrong(`--state must be one of ${letterStates.join(', ')}`);
  const count = limit === undefined ? defaultLimit : idOf('--limit', limit);
  if (count < 1 || count > maxLimit) throw new Wrong(`--limit must be from 1 to ${maxLimit}`);
  return {
    action: 'list',
    filter: { ...filterOf(values), state: known },
    after: after === undefined ? null : idOf('--after', after),
    limit: count,
    json,
  };
}

function showOf(args: string[]): LetterArguments {
  const { values, positionals } = parseArgs({ args, options: options.show, allowPositionals: true });
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0) throw new Wrong('which letter? give one id');
  return { action: 'show', id: idOf('the id', id), isFull: values.full ?? false, json: values.json ?? false };
}

function redriveOf(args: string[]): LetterArguments {
  const { values, positionals } = parseArgs({ args, options: options.redrive, allowPositionals: true });
  const filter = filterOf(values);
  const isFiltered = Object.keys(filterOptions).some((name) => name in values) || values.all === true;
  if (positionals.length > 0 === isFiltered)
    throw new Wrong('which letters? give ids, or filters, or --all for every open one');
  if (positionals.length > maxIds) throw new Wrong(`at most ${maxIds} ids at a time`);
  const ids = positionals.map((id) => idOf('the id', id));
  const positions = values.position?.map(positionsOf).reduce(unionRanges) ?? null;
  if (positions !== null && ids.length !== 1) throw new Wrong('--position is for one letter: give its id');
  return {
    action: 'redrive',
    letters: isFiltered ? { kind: 'filter', filter } : { kind: 'ids', ids: [...new Set(ids)] },
    positions,
    dryRun: values['dry-run'] ?? false,
  };
}

function filterOf(values: { readonly [name in keyof typeof filterOptions]?: string | undefined }): LetterFilter {
  const { gateway = null, code = null, stage = null, from, to } = values;
  if (stage !== null && !deadLetterStages.some((each) => each === stage))
    throw new Wrong(`--stage must be one of ${deadLetterStages.join(', ')}`);
  return { gateway, code, stage, from: instantOf('--from', from), to: instantOf('--to', to), state: 'open' };
}

function instantOf(name: string, given: string | undefined): number | null {
  if (given === undefined) return null;
  const micros = microsOf(given);
  if (micros === null) throw new Wrong(`${name} must be a time such as 2026-03-01T12:00:00Z (with its zone), or a day`);
  return micros;
}

function idOf(name: string, given: string): number {
  if (!/^\d{1,15}$/.test(given)) throw new Wrong(`${name} must be a number such as 17, not ${given}`);
  return Number(given);
}

function positionsOf(given: string): Ranges {
  const positions = parsePositions(given);
  if (positions === null) throw new Wrong(`--position must be such as 3 or 0-4,7, not ${given}`);
  return positions;
}
