/**
 * Counts rows that are there more than once, without asking the ledger: for each batch of the last hour, the rows in
 * `sample` against the rows that its log entry says it brought. The count reads many rows, so it runs beside the requests,
 * one at a time, and takes at most a small share of the database's time. It is done only while somebody asks: who asks after
 * a while is told that it is not counted yet, rather than what was counted then.
 */
import { isFieldlineError } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { isoOf } from '../instant.ts';
import type { Database } from './database.ts';

const leastPauseMs = 5_000;
/** A count rests this many times as long as it took. */
const restShare = 20;
/** A count is told until so long after the next one was due. */
const graceMs = 60_000;

export type Doubled = { readonly doubled: number | null; readonly doubledCountedAt: string | null };

const uncounted: Doubled = { doubled: null, doubledCountedAt: null };

export function countDoubled(database: Database, clock: Clock): { readonly last: () => Doubled } {
  let last = uncounted;
  let nextAtMs = Number.NEGATIVE_INFINITY;
  const count = async (): Promise<void> => {
    const startedMs = clock.monotonicMs();
    nextAtMs = Number.POSITIVE_INFINITY;
    try {
      const [row] = await database.query<{ doubled: number }>(doubledRows);
      last = { doubled: row?.doubled ?? 0, doubledCountedAt: isoOf(clock.now()) };
    } catch (error) {
      // Away, busy or too heavy: the answer before stands, with its time.
      if (!isFieldlineError(error)) throw error;
    } finally {
      const tookMs = clock.monotonicMs() - startedMs;
      nextAtMs = startedMs + tookMs + Math.max(leastPauseMs, restShare * tookMs);
    }
  };
  return {
    /** What the last count found; begins the next where one is due. */
    last: () => {
      const lateMs = clock.monotonicMs() - nextAtMs;
      if (lateMs > graceMs) last = uncounted;
      if (lateMs >= 0) void count();
      return last;
    },
  };
}

const doubledRows = `
  with logged as materialized (
    select batch, max(stored) as stored, min(from_time) as from_time, max(to_time) as to_time
    from batch_log where received_at > now() - interval '1 hour' group by batch
  ), rows as (
    select batch, count(*) as stored from sample
    where time >= (select min(from_time) from logged) and time <= (select max(to_time) from logged) group by batch
  )
  select coalesce(sum(rows.stored - logged.stored), 0)::int8 as doubled
  from rows join logged using (batch) where rows.stored > logged.stored`;
