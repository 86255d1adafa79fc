/** `npm run bench`: what the line reaches on this machine, against the targets. See `usage` below and README.md. */
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FieldlineError } from '@fieldline/shared/contracts';
import { explain, runProgram } from '@fieldline/shared/runtime';
import { agent } from './agent.ts';
import type { Benchmark } from './benchmark.ts';
import { line } from './line.ts';
import { load, machine } from './machine.ts';
import { processor } from './processor.ts';
import { start } from './start.ts';
import { table } from './table.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const benchmarks: readonly Benchmark[] = [agent, start, line, processor];

const usage = `npm run bench -- [--short] [name…]

${benchmarks.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`).join('\n')}

  --short     quicker and less sure: to see that it runs, not to quote from
Exit code 0 unless one could not be run: a target that is missed is told in the table.
`;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** @throws FieldlineError settings/invalid */
function chosen(): { readonly short: boolean; readonly selected: readonly Benchmark[] } {
  let parsed: { values: { short?: boolean; help?: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({ allowPositionals: true, options: { short: { type: 'boolean' }, help: { type: 'boolean' } } });
  } catch (error) {
    throw new FieldlineError('settings/invalid', `${(error as Error).message}\n\n${usage}`, { cause: error });
  }
  const { values, positionals } = parsed;
  if (values.help === true) return { short: false, selected: [] };
  const unknown = positionals.find((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined)
    throw new FieldlineError('settings/invalid', `no benchmark is called ${unknown}\n\n${usage}`);
  const selected = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { short: values.short === true, selected };
}

await runProgram(async (signal) => {
  const { short, selected } = chosen();
  if (selected.length === 0) {
    say(usage);
    return;
  }
  say(`${machine()}\n${new Date().toISOString().slice(0, 10)}${short ? ', short: not to quote from' : ''}`);
  for (const { name, what, run } of selected) {
    if (signal.aborted) return;
    say(`\n${name}: ${what}\n  load average before: ${load()}`);
    const folder = mkdtempSync(join(realpathSync(tmpdir()), 'fieldline-bench-'));
    // As root, PostgreSQL runs as another user, who has to reach its files.
    chmodSync(folder, 0o755);
    const startedAt = performance.now();
    try {
      const figures = await run({ root, folder, short, signal, say: (text) => say(`  ${text}`) });
      say(
        `\n${table(figures)}\n  ${Math.round((performance.now() - startedAt) / 1_000)} s, load average after: ${load()}`,
      );
    } catch (error) {
      process.exitCode = 1;
      say(`  ${name} could not be run: ${explain(error)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
});
