import type { Session } from '../connection.ts';
import { bucketOf, computed, rollupTable, touchedTable } from '../migrations/own-rollups.ts';
import { type RollupLevel, rollupColumns, rollupLevels } from '../migrations/rollup-levels.ts';

/** Buckets computed in one transaction: what is left comes in the next. */
const maxBuckets = 120;

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
  const touched = touchedTable(level);
  await session.query('BEGIN');
  // Taken before the rows are read: what is touched after this statement is computed again.
  const buckets = await session.query<{ bucket: Date }>(
    `WITH due AS (SELECT DISTINCT bucket FROM ${touched} WHERE bucket + INTERVAL '${level.width}' < now() ORDER BY bucket LIMIT ${maxBuckets}),
       taken AS (DELETE FROM ${touched} USING due WHERE ${touched}.bucket = due.bucket)
     SELECT bucket FROM due`,
  );
  if (buckets.length > 0) {
    const list = [buckets.map(({ bucket }) => bucket)];
    await session.query(`DELETE FROM ${rollupTable(level)} WHERE bucket = ANY($1::timestamptz[])`, list);
    await session.query(
      `INSERT INTO ${rollupTable(level)} (${rollupColumns}) ${computed(level, '(SELECT unnest($1::timestamptz[]) AS bucket)')}`,
      list,
    );
    if (above !== null) {
      await session.query(
        `INSERT INTO ${touchedTable(above)} (bucket) SELECT DISTINCT ${bucketOf(above, 'bucket')} FROM unnest($1::timestamptz[]) AS bucket`,
        list,
      );
    }
  }
  await session.query('COMMIT');
  return buckets.length > 0;
}
