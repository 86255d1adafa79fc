/** Measurements that are compared are made in turns on one machine, so that whatever else goes on there meets all of them. */
import type { BenchmarkContext } from '../benchmark.ts';
import { median } from '../statistics.ts';

export type Timed = { readonly rows: number; readonly seconds: number };

/** Each round begins with another one. @throws Error when the run was stopped */
export async function inTurns(
  { signal, say }: BenchmarkContext,
  rounds: number,
  measurements: readonly (() => Promise<unknown>)[],
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < measurements.length; turn++) {
      if (signal.aborted) throw new Error('stopped');
      await measurements[(round + turn) % measurements.length]?.();
    }
    say(`round ${round + 1} of ${rounds}`);
  }
}

/** Median of 5 unless it is short. */
export const roundsOf = ({ short }: BenchmarkContext): number => (short ? 1 : 5);

export const rate = ({ rows, seconds }: Timed): number => rows / seconds;
export const medianRate = (all: readonly Timed[]): number => median(all.map(rate));

/** Of each round, then the median of the rounds. */
export const medianRatio = (ours: readonly Timed[], theirs: readonly Timed[]): number =>
  median(ours.flatMap((one, round) => (theirs[round] === undefined ? [] : rate(one) / rate(theirs[round]))));
