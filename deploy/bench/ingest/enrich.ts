/**
 * What it costs that nothing is taken for granted: every batch checked, every time held against the window, every value scaled
 * and held against its limits by what the registry says for its instant; against a processor that passes it all through.
 */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { backlog, largeBatches, untilNow } from './backlog.ts';
import { type Drained, drain } from './drain.ts';
import { inTurns, medianRate, medianRatio, roundsOf } from './in-turns.ts';
import { registerFleet } from './registered.ts';
import { withServers } from './with-servers.ts';

const swap = new URL('swap/pass-through.ts', import.meta.url);

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale, kafka, broker }) => {
    const { root, folder, short } = context;
    const rounds = roundsOf(context);
    const rows = short ? 1_000_000 : 3_000_000;
    const options = untilNow(largeBatches, rows);
    const changedAt = options.fromMicros + (options.steps * options.stepMicros) / 2;
    const prepare = (config: DatabaseConfig): Promise<void> => registerFleet(config, largeBatches, changedAt);
    const server = await timescale();
    const common = { root, folder, rows, backbone: await kafka(backlog(options)), brokerUrl: await broker() };
    const enriched: Drained[] = [];
    const passedThrough: Drained[] = [];
    await inTurns(context, rounds, [
      async () => enriched.push(await drain(server, { ...common, prepare })),
      async () => passedThrough.push(await drain(server, { ...common, swap })),
    ]);
    return [
      {
        name: 'validate + normalise + enrich on / passing through',
        value: medianRatio(enriched, passedThrough),
        unit: '',
        target: { atLeast: 0.8, aim: 0.9 },
        note: `median of ${rounds}; scale, offset and limits for every series, changed once in the time of the rows`,
      },
      { name: '… on', value: medianRate(enriched) / 1_000, unit: 'k rows/s' },
      { name: '… passing through', value: medianRate(passedThrough) / 1_000, unit: 'k rows/s' },
    ];
  });

export const enrich: Benchmark = {
  name: 'enrich',
  what: 'checks, scales and limits of the registry, against passing through',
  run,
};
