/** `npm run bench:modbus`: what the agent takes to read a large Modbus plant, against its targets. See ../README.md. */
import { runBenchmarks } from '../run-benchmarks.ts';
import { load } from './load.ts';
import { start } from './start.ts';

await runBenchmarks('npm run bench:modbus', [load, start]);
