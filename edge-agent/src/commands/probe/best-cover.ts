import type { Ranked } from './plausibility.ts';

/** What a plain register has, of which nothing more can be said: only what has more is worth more than that. */
const plain = 40;
/** What a register costs that nothing explains. */
const unexplained = 12;

/** Readings that share no register and gain the most: the likeliest map of the whole block, in the order of their places. */
export function bestCover(readings: readonly Ranked[], total: number): Ranked[] {
  const byEnd = Map.groupBy(readings, ({ at, count }) => at + count);
  const most: number[] = [0];
  const last: (Ranked | null)[] = [null];
  for (let end = 1; end <= total; end++) {
    most[end] = (most[end - 1] ?? 0) - unexplained;
    last[end] = null;
    for (const reading of byEnd.get(end) ?? []) {
      const gain = (most[reading.at] ?? 0) + reading.points - plain;
      if (gain <= (most[end] ?? 0)) continue;
      most[end] = gain;
      last[end] = reading;
    }
  }
  const cover: Ranked[] = [];
  for (let end = total; end > 0; ) {
    const reading = last[end] ?? null;
    if (reading !== null) cover.unshift(reading);
    end = reading?.at ?? end - 1;
  }
  return cover;
}
