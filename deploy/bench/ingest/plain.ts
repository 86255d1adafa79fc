/** The same on plain PostgreSQL, from Kafka and from the embedded log: the measure is raw COPY into a bare table. */
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { backlog, copyMessages, largeBatches, untilNow } from './backlog.ts';
import { type Drained, drain } from './drain.ts';
import { filledEmbedded } from './filled-log.ts';
import { inTurns, medianRate, medianRatio, type Timed } from './in-turns.ts';
import { rawCopy } from './raw-copy.ts';
import { withServers } from './with-servers.ts';

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ plainPostgres, kafka, broker }) => {
    const { root, folder, short } = context;
    const rows = short ? 500_000 : 2_000_000;
    const rounds = short ? 1 : 3;
    const records = [...backlog(untilNow(largeBatches, rows))];
    const messages = copyMessages(records);
    const server = await plainPostgres();
    const common = { root, folder, rows, brokerUrl: await broker() };
    const fromKafka = { ...common, backbone: await kafka(records) };
    const fromEmbedded = { ...common, backbone: await filledEmbedded(folder, records) };
    const copied: Timed[] = [];
    const kafkaDrained: Drained[] = [];
    const embeddedDrained: Drained[] = [];
    await inTurns(context, rounds, [
      async () => copied.push(await rawCopy(server, messages, rows)),
      async () => kafkaDrained.push(await drain(server, fromKafka)),
      async () => embeddedDrained.push(await drain(server, fromEmbedded)),
    ]);
    const figuresOf = (name: string, drained: readonly Drained[]): Figure[] => [
      { name: `${name} → PostgreSQL / raw COPY`, value: medianRatio(drained, copied), unit: '' },
      {
        name: `… ${name} → PostgreSQL`,
        value: medianRate(drained) / 1_000,
        unit: 'k rows/s',
        note: `median of ${rounds}`,
      },
    ];
    return [
      ...figuresOf('Kafka', kafkaDrained),
      ...figuresOf('embedded log', embeddedDrained),
      { name: '… raw COPY', value: medianRate(copied) / 1_000, unit: 'k rows/s', note: 'no index, one connection' },
    ];
  });

export const plain: Benchmark = {
  name: 'plain',
  what: 'the same into plain PostgreSQL, and from the embedded log',
  run,
};
