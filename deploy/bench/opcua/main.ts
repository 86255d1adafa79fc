/** `npm run bench:opcua`: what the agent takes to follow large OPC UA servers, against its targets. See ../README.md. */
import { runBenchmarks } from '../run-benchmarks.ts';
import { load } from './load.ts';
import { restarts } from './restarts.ts';

await runBenchmarks('npm run bench:opcua', [load, restarts]);
