import { type ParseArgsConfig, parseArgs } from 'node:util';
import { FieldlineError } from '../contracts/errors.ts';

/** @throws FieldlineError arguments/invalid, with the usage of the command */
export function parseCommandArgs<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  usage: string,
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw wrongArguments(error instanceof Error ? error.message : String(error), usage);
  }
}

export const wrongArguments = (what: string, usage: string): FieldlineError =>
  new FieldlineError('arguments/invalid', `${what}\n\n${usage}`);
