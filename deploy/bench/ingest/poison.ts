/**
 * What records and samples that cannot be stored cost the others. One row in 10,000 is poison: in one batch of ten a sample is
 * not of its type; and for every ten batches there is a record more whose bytes are cut off.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import type { NewRecord } from '../../../cloud-ingest/src/backbone/backbone.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { type BacklogOptions, backlog, largeBatches, untilNow } from './backlog.ts';
import { type Drained, drain } from './drain.ts';
import { inTurns, medianRate, medianRatio, roundsOf } from './in-turns.ts';
import { withServers } from './with-servers.ts';

const batchesPerPoison = 10;

function* poisoned(options: BacklogOptions): Generator<NewRecord> {
  let batches = 0;
  for (const record of backlog(options)) {
    batches += 1;
    if (batches % batchesPerPoison > 0) yield record;
    else {
      yield { ...record, value: record.value.subarray(0, record.value.length >> 1) };
      yield { ...record, value: withBadSample(record.value) };
    }
  }
}

const batchSchema = z.looseObject({ x: z.array(z.unknown()) });

function withBadSample(bytes: Buffer): Buffer {
  const batch = batchSchema.parse(JSON.parse(zstdDecompressSync(bytes).toString()));
  return zstdCompressSync(JSON.stringify({ ...batch, x: batch.x.with(batch.x.length >> 1, 'no number') }));
}

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale, kafka, broker }) => {
    const { root, folder, short } = context;
    const rounds = roundsOf(context);
    const rows = short ? 1_000_000 : 3_000_000;
    const poisons = rows / 1_000 / batchesPerPoison;
    const options = untilNow(largeBatches, rows);
    const server = await timescale();
    const common = { root, folder, brokerUrl: await broker() };
    const clean = { ...common, rows, backbone: await kafka(backlog(options)) };
    const poison = { ...common, rows: rows - poisons, backbone: await kafka(poisoned(options)) };
    const ofClean: Drained[] = [];
    const ofPoison: Drained[] = [];
    await inTurns(context, rounds, [
      async () => ofClean.push(await drain(server, clean)),
      async () => ofPoison.push(await drain(server, poison)),
    ]);
    return [
      {
        name: 'one poison in 10,000 / clean',
        value: medianRatio(ofPoison, ofClean),
        unit: '',
        target: { atLeast: 0.9, aim: 0.95 },
        note: `median of ${rounds}; ${poisons} bad samples among the rows and ${poisons} cut records beside them`,
      },
      { name: '… with poison', value: medianRate(ofPoison) / 1_000, unit: 'k rows/s' },
    ];
  });

export const poison: Benchmark = {
  name: 'poison',
  what: 'records and samples that cannot be stored, against none',
  run,
};
