/** An outage: nothing is confirmed. What a sample takes in the files. */
import { compressions } from '@fieldline/shared/contracts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { common } from './order.ts';
import { runJob } from './run-job.ts';

const keptTarget = { atMost: 8 };

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const { folder, short, signal } = context;
  const seconds = short ? 30 : 30 * 60;
  const figures: Figure[] = [];
  for (const compression of compressions.toReversed()) {
    const order = { ...common(context), kind: 'offline', seconds, compression, survives: 'process-crash' } as const;
    const { samples, encodedBytes, keptBytes } = await runJob<'offline'>(order, folder, signal);
    const isDefault = compression === order.compression && compression === common(context).compression;
    figures.push({
      name: `compression ${compression}: kept per sample`,
      value: keptBytes / samples,
      unit: 'bytes',
      ...(isDefault ? { target: keptTarget } : {}),
      note: `${(encodedBytes / samples).toFixed(2)} bytes are the batches; ${samples.toLocaleString('en-GB')} samples`,
    });
  }
  return figures;
}

export const kept: Benchmark = { name: 'kept', what: 'bytes per sample in the files during an outage', run };
