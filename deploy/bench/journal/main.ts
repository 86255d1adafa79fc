/** `npm run bench:journal`: what the agent's journal writes, keeps and takes, against its targets. See ../README.md. */
import { runBenchmarks } from '../run-benchmarks.ts';
import { kept } from './kept.ts';
import { online } from './online.ts';
import { speed } from './speed.ts';

await runBenchmarks('npm run bench:journal', [online, kept, speed]);
