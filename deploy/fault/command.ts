/** The frame of `npm run fault:…`: seed and rounds in, what struck and what was found out. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FieldlineError } from '@fieldline/shared/contracts';
import { runProgram } from '@fieldline/shared/runtime';
import type { Requirement } from '@fieldline/shared/testing/describe-with';

export type Chosen = {
  readonly seed: number;
  readonly rounds: number;
  readonly gateways: number;
  /** Options without a value, by name. */
  readonly flags: ReadonlySet<string>;
};

/** What a run needs beside what was chosen. */
export type Run = {
  /** Where the programs' logs are left when something was found. */
  readonly logFolder: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

export type Outcome = {
  /** How often each fault struck, by its name. */
  readonly struck: ReadonlyMap<string, number>;
  /** What was counted, a line each. */
  readonly counts: readonly string[];
  /** What is not as it must be, a sentence each; empty when the run is good. */
  readonly findings: readonly string[];
};

export type FaultCommand = {
  readonly name: string;
  readonly usage: string;
  readonly defaults: { readonly rounds: number; readonly gateways: number };
  /** Options without a value. */
  readonly flags: readonly string[];
  /** What the machine must have. */
  readonly needs: (chosen: Chosen) => readonly Requirement[];
  readonly run: (chosen: Chosen, run: Run) => Promise<Outcome>;
};

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

export async function runFaultCommand(command: FaultCommand): Promise<void> {
  await runProgram(async (signal) => {
    const chosen = optionsOf(command);
    if (chosen === null) {
      say(command.usage);
      return;
    }
    for (const { name, skipReason } of command.needs(chosen))
      if (skipReason !== null) throw new FieldlineError('settings/invalid', `${name}: ${skipReason}`);
    say(`seed ${chosen.seed}`);
    const logFolder = join(import.meta.dirname, '../../.fieldline/fault', `${command.name}-seed-${chosen.seed}`);
    const outcome = await command.run(chosen, { logFolder, signal, say });
    print(outcome);
    if (outcome.findings.length === 0) return;
    say(`To see it again: npm run fault:${command.name} -- ${argumentsOf(chosen)}`);
    say(`The logs of all programs: ${logFolder}`);
    process.exitCode = 1;
  });
}

/** null where help is wanted. */
function optionsOf({ usage, defaults, flags }: FaultCommand): Chosen | null {
  try {
    const { values } = parseArgs({
      options: {
        seed: { type: 'string' },
        rounds: { type: 'string', default: String(defaults.rounds) },
        gateways: { type: 'string', default: String(defaults.gateways) },
        help: { type: 'boolean', default: false },
        ...Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' } as const])),
      },
    });
    if (values.help) return null;
    const given: Readonly<Record<string, unknown>> = values;
    return {
      seed: values.seed === undefined ? randomInt(1, 2 ** 31) : wholeNumber('seed', values.seed, 2 ** 31),
      rounds: wholeNumber('rounds', values.rounds, 10_000),
      gateways: wholeNumber('gateways', values.gateways, 20),
      flags: new Set(flags.filter((flag) => given[flag] === true)),
    };
  } catch (error) {
    throw new FieldlineError('arguments/invalid', `${(error as Error).message}\n\n${usage}`, { cause: error });
  }
}

function wholeNumber(name: string, text: string, most: number): number {
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > most)
    throw new Error(`--${name} must be a whole number from 1 to ${most}, not ${text}`);
  return Number(text);
}

const argumentsOf = ({ seed, rounds, gateways, flags }: Chosen): string =>
  [`--seed ${seed} --rounds ${rounds} --gateways ${gateways}`, ...[...flags].map((flag) => `--${flag}`)].join(' ');

function print({ struck, counts, findings }: Outcome): void {
  say(`\n${[...struck].map(([name, times]) => `${String(times).padStart(5)} × ${name}`).join('\n')}\n`);
  for (const line of counts) say(line);
  if (findings.length === 0) say('Nothing missing, nothing doubled; the balance closes.');
  else for (const finding of findings) say(`WRONG: ${finding}`);
}
