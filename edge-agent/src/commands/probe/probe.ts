import type { ModbusTable } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import { bestCover } from './best-cover.ts';
import { type Ranked, rank } from './plausibility.ts';
import { readingsOf } from './readings.ts';

export type Probed = {
  /** Every reading, the most plausible first. */
  readonly ranked: readonly Ranked[];
  /** The likeliest map of the block. */
  readonly cover: readonly Ranked[];
};

/** `before`, `after`: the same registers at two moments; `now`: that of the second. */
export function probe(table: ModbusTable, before: Buffer, after: Buffer, now: Micros): Probed {
  const ranked = readingsOf(table, before, after)
    .map((reading) => rank(reading, now))
    .sort((one, other) => other.points - one.points || one.at - other.at);
  return { ranked, cover: bestCover(ranked, after.length / 2) };
}
