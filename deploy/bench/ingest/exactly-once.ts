/** What exactly once costs: the processor as it is, against the same one that stores at least once. */
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { backlog, largeBatches, untilNow } from './backlog.ts';
import { type Drained, drain } from './drain.ts';
import { inTurns, medianRate, medianRatio, roundsOf } from './in-turns.ts';
import { withServers } from './with-servers.ts';

const swap = new URL('swap/at-least-once.ts', import.meta.url);

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale, kafka, broker }) => {
    const { root, folder, short } = context;
    const rounds = roundsOf(context);
    const rows = short ? 1_000_000 : 3_000_000;
    const server = await timescale();
    const backbone = await kafka(backlog(untilNow(largeBatches, rows)));
    const on = { root, folder, rows, backbone, brokerUrl: await broker() };
    const ours: Drained[] = [];
    const atLeastOnce: Drained[] = [];
    await inTurns(context, rounds, [
      async () => ours.push(await drain(server, on)),
      async () => atLeastOnce.push(await drain(server, { ...on, swap, mayDouble: true })),
    ]);
    return [
      {
        name: 'exactly once + ledger on / off',
        value: medianRatio(ours, atLeastOnce),
        unit: '',
        target: { atLeast: 0.9, aim: 0.95 },
        note: `median of ${rounds}`,
      },
      { name: '… off', value: medianRate(atLeastOnce) / 1_000, unit: 'k rows/s', note: 'offsets in Kafka, no ledger' },
    ];
  });

export const exactlyOnce: Benchmark = {
  name: 'exactly-once',
  what: 'ledger, batch numbers and offsets in the transaction, against none of it',
  run,
};
