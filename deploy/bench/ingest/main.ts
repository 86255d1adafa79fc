/** `npm run bench:ingest`: the cloud path against its targets, as ratios side by side on this machine. See ../README.md. */
import { runBenchmarks } from '../run-benchmarks.ts';
import { copyRatio } from './copy-ratio.ts';
import { plain } from './plain.ts';

await runBenchmarks('npm run bench:ingest', [copyRatio, plain]);
