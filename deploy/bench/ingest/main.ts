/** `npm run bench:ingest`: the cloud path against its targets, as ratios side by side on this machine. See ../README.md. */
import { runBenchmarks } from '../run-benchmarks.ts';
import { backfillOf } from './backfill.ts';
import { bridgeOf } from './bridge.ts';
import { copyRatio } from './copy-ratio.ts';
import { enrich } from './enrich.ts';
import { exactlyOnce } from './exactly-once.ts';
import { history } from './history.ts';
import { lastHourOf } from './last-hour.ts';
import { latency } from './latency.ts';
import { layoutsOf } from './layouts.ts';
import { outage } from './outage.ts';
import { plain } from './plain.ts';
import { poison } from './poison.ts';
import { size } from './size.ts';

await runBenchmarks('npm run bench:ingest', [
  copyRatio,
  exactlyOnce,
  enrich,
  poison,
  bridgeOf,
  backfillOf,
  latency,
  outage,
  lastHourOf,
  history,
  size,
  layoutsOf,
  plain,
]);
