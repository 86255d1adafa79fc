/**
 * Kafka → hypertable by the processor as it is, against raw COPY of the same rows; with batches as of large gateways, and as
 * of a fleet of small ones.
 */
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { median } from '../statistics.ts';
import { backlog, copyMessages, largeBatches, smallBatches, untilNow } from './backlog.ts';
import { type Drained, drain } from './drain.ts';
import { inTurns, medianRate, medianRatio, roundsOf, type Timed } from './in-turns.ts';
import { rawCopy } from './raw-copy.ts';
import { withServers } from './with-servers.ts';

const mostMegabytes = 300;

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale, kafka, broker }) => {
    const rounds = roundsOf(context);
    // Of small ones as many as take about as long: the code of both is cold.
    const [rows, smallRows] = context.short ? [1_000_000, 200_000] : [4_000_000, 1_200_000];
    const records = [...backlog(untilNow(largeBatches, rows))];
    const messages = copyMessages(records);
    const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
    context.say(
      `${rows.toLocaleString('en-GB')} rows in batches of 1,000 (${Math.round(bytes / records.length)} bytes, zstd), ${smallRows.toLocaleString('en-GB')} in batches of 10`,
    );
    const server = await timescale();
    const common = { root: context.root, folder: context.folder, brokerUrl: await broker() };
    const large = { ...common, rows, backbone: await kafka(records) };
    const small = { ...common, rows: smallRows, backbone: await kafka(backlog(untilNow(smallBatches, smallRows))) };
    const copied: Timed[] = [];
    const ours: Drained[] = [];
    const ofSmall: Drained[] = [];
    await inTurns(context, rounds, [
      async () => copied.push(await rawCopy(server, messages, rows)),
      async () => ours.push(await drain(server, large)),
      async () => ofSmall.push(await drain(server, small)),
    ]);
    return [
      {
        name: 'Kafka → hypertable / raw COPY',
        value: medianRatio(ours, copied),
        unit: '',
        target: { atLeast: 0.5, aim: 0.8 },
        note: `median of ${rounds}`,
      },
      { name: '… Kafka → hypertable', value: medianRate(ours) / 1_000, unit: 'k rows/s', note: 'exactly once on' },
      { name: '… raw COPY', value: medianRate(copied) / 1_000, unit: 'k rows/s', note: 'no index, one connection' },
      {
        name: 'batches of 10 / batches of 1,000',
        value: medianRatio(ofSmall, ours),
        unit: '',
        target: { atLeast: 0.3 },
        note: `${Math.round(medianRate(ofSmall) / 1_000)} k rows/s from 1,000 gateways of 10 tags`,
      },
      {
        name: 'processor: CPU',
        value: median(ours.map(({ cpuSeconds }) => (cpuSeconds * 1e6) / rows)),
        unit: 's per million rows',
        note: 'of our process, batches of 1,000',
      },
      {
        name: 'processor: most memory',
        value: Math.max(...[...ours, ...ofSmall].map(({ mostBytes }) => mostBytes)) / 1e6,
        unit: 'MB',
        target: { atMost: mostMegabytes },
      },
    ];
  });

export const copyRatio: Benchmark = {
  name: 'copy-ratio',
  what: 'Kafka to hypertable against raw COPY, large and small batches',
  run,
};
