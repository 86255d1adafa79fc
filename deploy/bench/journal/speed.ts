/** The journal alone, as fast as it goes: encoding and committing, then reading and confirming. */
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { common, durabilities } from './order.ts';
import { runJob } from './run-job.ts';

/** At 1,000 samples a second and a flush each 500 ms; and what a flush takes at most. */
const flushSizes = [500, 20_000];

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const { folder, short, signal } = context;
  const figures: Figure[] = [];
  for (const survives of durabilities) {
    for (const perFlush of flushSizes) {
      const order = { ...common(context), kind: 'speed', seconds: short ? 30 : 600, survives, perFlush } as const;
      const { appendPerSecond, drainPerSecond } = await runJob<'speed'>(order, folder, signal);
      figures.push(
        {
          name: `survives ${survives}: append, ${perFlush.toLocaleString('en-GB')} a flush`,
          value: appendPerSecond,
          unit: 'samples/s',
        },
        { name: '… drain', value: drainPerSecond, unit: 'samples/s', note: 'read and confirmed' },
      );
    }
  }
  return figures;
}

export const speed: Benchmark = { name: 'speed', what: 'append and drain as fast as it goes', run };
