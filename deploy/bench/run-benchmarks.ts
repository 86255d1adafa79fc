/** The frame of every suite of benchmarks: which of them run, where, and how their figures are told. */
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FieldlineError } from '@fieldline/shared/contracts';
import { explain, runProgram } from '@fieldline/shared/runtime';
import type { Benchmark, Figure } from './benchmark.ts';
import { load, machine } from './machine.ts';
import { table } from './table.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const usageOf = (command: string, benchmarks: readonly Benchmark[]): string => `${command} -- [--short] [name…]

${benchmarks.map(({ name, what }) => `  ${name.padEnd(13)} ${what}`).join('\n')}

  --short        quicker and less sure: to see that it runs, not to quote from
Exit code 0 unless one could not be run: a target that is missed is told in the table.
`;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

type Choice = { readonly short: boolean; readonly selected: readonly Benchmark[] };

/** @throws FieldlineError arguments/invalid */
function chosen(usage: string, benchmarks: readonly Benchmark[]): Choice {
  let parsed: { values: { short?: boolean; help?: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({ allowPositionals: true, options: { short: { type: 'boolean' }, help: { type: 'boolean' } } });
  } catch (error) {
    throw new FieldlineError('arguments/invalid', `${(error as Error).message}\n\n${usage}`, { cause: error });
  }
  const { values, positionals } = parsed;
  if (values.help === true) return { short: false, selected: [] };
  const unknown = positionals.find((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined)
    throw new FieldlineError('arguments/invalid', `no benchmark is called ${unknown}\n\n${usage}`);
  const selected = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { short: values.short === true, selected };
}

/** `command`: how the suite is called, for its usage. Ends the program's main. */
export async function runBenchmarks(command: string, benchmarks: readonly Benchmark[]): Promise<void> {
  await runProgram(async (signal) => {
    const usage = usageOf(command, benchmarks);
    const { short, selected } = chosen(usage, benchmarks);
    if (selected.length === 0) {
      say(usage);
      return;
    }
    say(`${machine()}\n${new Date().toISOString().slice(0, 10)}${short ? ', short: not to quote from' : ''}`);
    const all: Figure[] = [];
    for (const benchmark of selected) {
      if (signal.aborted) return;
      all.push(...(await runOne(benchmark, short, signal)));
    }
    const judged = all.filter(({ target }) => target !== undefined);
    if (selected.length > 1 && judged.length > 0) say(`\nall that has a target\n\n${table(judged)}`);
  });
}

async function runOne({ name, what, run }: Benchmark, short: boolean, signal: AbortSignal): Promise<readonly Figure[]> {
  say(`\n${name}: ${what}\n  load average before: ${load()}`);
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'fieldline-bench-'));
  // As root, PostgreSQL runs as another user, who has to reach its files.
  chmodSync(folder, 0o755);
  const startedAt = performance.now();
  try {
    const figures = await run({ root, folder, short, signal, say: (text) => say(`  ${text}`) });
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    say(`\n${table(figures)}\n  ${seconds} s, load average after: ${load()}`);
    return figures;
  } catch (error) {
    process.exitCode = 1;
    say(`  ${name} could not be run: ${explain(error)}`);
    return [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
