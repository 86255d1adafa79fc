import type { Ranked } from './plausibility.ts';

/**
 * Readings that share no register and have the most points, each counted for all of its registers: the likeliest map of the
 * whole block. In the order of their places.
 */
export function bestCover(readings: readonly Ranked[], total: number): Ranked[] {
  const most: number[] = [0];
  const last: (Ranked | null)[] = [null];
  for (let end = 1; end <= total; end++) {
    most[end] = most[end - 1] ?? 0;
    last[end] = null;
    for (const reading of readings) {
      if (reading.at + reading.count !== end) continue;
      const points = (most[reading.at] ?? 0) + reading.points * reading.count;
      if (points <= (most[end] ?? 0)) continue;
      most[end] = points;
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
