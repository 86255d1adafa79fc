import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import { FieldlineError } from '../contracts/errors.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/** @throws FieldlineError arguments/invalid, with the usage of the command */
export function parseCommandArgs<const Stated extends Options>(
  args: readonly string[],
  usage: string,
  options: Stated,
) {
  try {
    const parsed = parseArgs({ args: withNegatives(args, options), options, allowPositionals: true });
    const empty = Object.entries(parsed.values).find(([, value]) => value === '')?.[0];
    if (empty === undefined) return parsed;
    throw new Error(`--${empty} has nothing behind it: state a value, or leave it out`);
  } catch (error) {
    throw wrongArguments(argumentTrouble(error, options), usage);
  }
}

/** A word that stands behind no option. @throws FieldlineError arguments/invalid */
export function refuseWords(words: readonly string[], example: string, usage: string): void {
  const [first] = words;
  if (first === undefined) return;
  throw wrongArguments(`${JSON.stringify(first)} stands behind no option: say what it is, such as ${example}`, usage);
}

/** Of a command, or of a part of one: `before` is the command that it belongs to, with a blank. */
export function unknownWord(word: string, before: string, known: readonly string[]): string {
  const guess = nearest(word, known);
  return `there is no ${before}${word}${guess === null ? `; there are ${known.join(', ')}` : `. Did you mean ${before}${guess}?`}`;
}

export const wrongArguments = (what: string, usage: string): FieldlineError =>
  new FieldlineError('arguments/invalid', `${what}\n\n${usage}`);

/** `--offset -40` as `--offset=-40`: to Node a word that begins with a dash is an option of its own. */
function withNegatives(args: readonly string[], options: Options): string[] {
  const joined: string[] = [];
  for (const word of args) {
    const before = joined.at(-1) ?? '';
    const isValue = /^-\.?\d/.test(word) && before.startsWith('--') && options[before.slice(2)]?.type === 'string';
    if (isValue) joined[joined.length - 1] = `${before}=${word}`;
    else joined.push(word);
  }
  return joined;
}

/** What Node says of an option, in our words. */
export function argumentTrouble(error: unknown, options: Options): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? error.code : null;
  const option = /'(?:-\w, )?(--?[^\s'=]+)/.exec(message)?.[1];
  if (option === undefined) return message;
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return unknownOption(option, options);
  if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') return message;
  return options[option.slice(2)]?.type === 'string'
    ? `${option} needs a value behind it`
    : `${option} takes no value: leave out what stands behind it`;
}

function unknownOption(option: string, options: Options): string {
  const known = Object.keys(options).map((name) => `--${name}`);
  const guess = nearest(option, known);
  return `there is no ${option}${guess === null ? `; there are ${known.join(', ')}` : `. Did you mean ${guess}?`}`;
}
