/**
 * What changed in `latest` since the last look. A row carries the time when its transaction began, and transactions do not
 * commit in the order in which they began: so each look goes back a little, now and then a lot, and what was seen already
 * is left out.
 */
import type { Micros } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { isoOf, microsOf } from '../../instant.ts';
import type { Database } from '../database.ts';
import { type LatestRow, latestSql } from '../latest.ts';

const overlapUs = 2_000_000;
const longOverlapUs = 60_000_000;
const longOverlapEveryMs = 10_000;

export type Changes = {
  /** Rows that changed since the call before; the first call only sets the mark. */
  readonly read: () => Promise<LatestRow[]>;
};

export function followChanges(database: Database, clock: Clock): Changes {
  /** The last change seen of each series: bounded by the number of series. */
  const seen = new Map<number, string>();
  let newest: Micros | null = null;
  let lookedBackAtMs = clock.monotonicMs();
  return {
    read: async () => {
      const isFirst = newest === null;
      const lookBack = isFirst || clock.monotonicMs() - lookedBackAtMs >= longOverlapEveryMs;
      const from = newest ?? (await databaseNow(database));
      const rows = await database.query<LatestRow>(`${latestSql} where l.updated_at > $1 order by l.updated_at`, [
        isoOf(from - (lookBack ? longOverlapUs : overlapUs)),
      ]);
      if (lookBack) lookedBackAtMs = clock.monotonicMs();
      newest = Math.max(from, microsOf(rows[rows.length - 1]?.updatedAt ?? '') ?? from);
      const changed = rows.filter(({ seriesId, updatedAt }) => seen.get(seriesId) !== updatedAt);
      for (const { seriesId, updatedAt } of changed) seen.set(seriesId, updatedAt);
      return isFirst ? [] : changed;
    },
  };
}

async function databaseNow(database: Database): Promise<Micros> {
  const [row] = await database.query<{ now: string }>('select now() as now');
  return microsOf(row?.now ?? '') ?? 0;
}
