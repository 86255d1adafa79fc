/** `npm run bench`: what the agent and the whole line reach on this machine, against the targets. See README.md. */
import { agent } from './agent.ts';
import { line } from './line.ts';
import { runBenchmarks } from './run-benchmarks.ts';
import { start } from './start.ts';

await runBenchmarks('npm run bench', [agent, start, line]);
