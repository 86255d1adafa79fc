import type { Session } from '../connection.ts';
import { bucketOf, computed, rollupTable, touchedTable } from '../migrations/own-rollups.ts';
import { type RollupLevel, rollupColumns, rollupLevels } from '../migrations/rollup-levels.ts';
import { type Span, spansOf } from './spans.ts';

/** Buckets computed in one transaction: what is left comes in the next. */
const maxBuckets = 30;

/**
 * Computes the touched buckets that are over, level by level. A bucket that is still filling stays touched: the views compute
 * it when asked, instead of us every few seconds.
 */
export async function keepRollups(session: Session): Promise<void> {
  for (const [index, level] of rollupLevels.entries()) {
    while (await computeSome(session, level, rollupLevels[index + 1] ?? null));
  }
}

/** False when there was nothing to do. */
async function computeSome(session: Session, level: RollupLevel, above: RollupLevel | null): Promise<boolean> {
  await session.query('BEGIN');
  const buckets = await takeDue(session, level);
  for (const span of spansOf(buckets, level.ms)) {
    await compute(session, level, span);
    if (above !== null) await touch(session, level, above, span);
  }
  await session.query('COMMIT');
  return buckets.length > 0;
}

/** Taken before the rows are read: what is touched after this statement is computed again. */
async function takeDue(session: Session, level: RollupLevel): Promise<number[]> {
  const touched = touchedTable(level);
  const due = await session.query<{ ms: number }>(
    `WITH due AS (
       SELECT DISTINCT bucket FROM ${touched} WHERE bucket + INTERVAL '${level.width}' < now() ORDER BY bucket LIMIT ${maxBuckets}),
     taken AS (DELETE FROM ${touched} USING due WHERE ${touched}.bucket = due.bucket)
     SELECT (extract(epoch FROM bucket) * 1000)::int8 AS ms FROM due ORDER BY 1`,
  );
  return due.map(({ ms }) => ms);
}

async function compute(session: Session, level: RollupLevel, { from, to }: Span): Promise<void> {
  const table = rollupTable(level);
  const span = [from, to];
  await session.query(`DELETE FROM ${table} WHERE bucket >= $1 AND bucket < $2`, span);
  const spans = '(SELECT $1::timestamptz AS from_time, $2::timestamptz AS to_time)';
  await session.query(`INSERT INTO ${table} (${rollupColumns}) ${computed(level, spans)}`, span);
}

async function touch(session: Session, level: RollupLevel, above: RollupLevel, { from, to }: Span): Promise<void> {
  await session.query(
    `INSERT INTO ${touchedTable(above)} (bucket) SELECT DISTINCT ${bucketOf(above, 'bucket')}
     FROM generate_series($1::timestamptz, $2::timestamptz - INTERVAL '${level.width}', INTERVAL '${level.width}') AS bucket`,
    [from, to],
  );
}
