/**
 * The touched buckets of a level: those with rows that its roll-up does not know of yet. Who writes rows adds the minutes
 * in the transaction of the rows (touch-rollups.ts); who computes a bucket takes it out and touches the level above.
 */
import type { Session } from '../connection.ts';
import { bucketOf, touchedTable } from '../migrations/own-rollups.ts';
import { type RollupLevel, rollupLevels } from '../migrations/rollup-levels.ts';
import { sourceOf } from './kept.ts';
import type { Span } from './spans.ts';

/** Buckets computed in one transaction: what is left comes in the next. */
const maxBuckets = 60;
/** Retention may run while a bucket is computed: what it reaches within this time is left alone. */
const retentionMarginMs = 3_600_000;

const below = (level: RollupLevel): RollupLevel | null => rollupLevels.find(({ name }) => name === level.of) ?? null;
const above = (level: RollupLevel): RollupLevel | null => rollupLevels.find(({ of }) => of === level.name) ?? null;

/**
 * Some buckets that are over, the oldest first, in ms. They are taken before the rows are read: what is touched after this
 * statement is computed again. A bucket waits for those of the level below that lie in it, so that it is computed once.
 */
export async function takeDue(session: Session, level: RollupLevel, nowMs: number): Promise<number[]> {
  const touched = touchedTable(level);
  const finer = below(level);
  const isUnfinishedBelow =
    finer === null
      ? 'false'
      : `EXISTS (SELECT FROM ${touchedTable(finer)} AS finer
           WHERE finer.bucket >= ${touched}.bucket AND finer.bucket < ${touched}.bucket + INTERVAL '${level.width}')`;
  const due = await session.query<{ ms: number }>(
    `WITH due AS (
       SELECT DISTINCT bucket FROM ${touched}
       WHERE bucket + INTERVAL '${level.width}' <= to_timestamp($1 / 1000.0) AND NOT ${isUnfinishedBelow}
       ORDER BY bucket LIMIT ${maxBuckets}),
     taken AS (DELETE FROM ${touched} USING due WHERE ${touched}.bucket = due.bucket)
     SELECT (extract(epoch FROM bucket) * 1000)::int8 AS ms FROM due ORDER BY 1`,
    [nowMs],
  );
  return due.map(({ ms }) => ms);
}

/**
 * Gives up touched buckets whose source retention has removed, or is about to: computing them again would empty what was
 * computed when the source was whole. How many they were.
 */
export async function giveUpExpired(session: Session, level: RollupLevel): Promise<number> {
  const [row] = await session.query<{ buckets: number }>(
    `WITH expired AS (
       DELETE FROM ${touchedTable(level)} USING kept
       WHERE source = $1 AND bucket < from_time + INTERVAL '${retentionMarginMs} milliseconds' RETURNING bucket)
     SELECT count(DISTINCT bucket) AS buckets FROM expired`,
    [sourceOf(level)],
  );
  return row?.buckets ?? 0;
}

/** The buckets of the next level that a span of this one lies in. */
export async function touchAbove(session: Session, level: RollupLevel, { from, to }: Span): Promise<void> {
  const next = above(level);
  if (next === null) return;
  await session.query(
    `INSERT INTO ${touchedTable(next)} (bucket) SELECT DISTINCT ${bucketOf(next, 'bucket')}
     FROM generate_series($1::timestamptz, $2::timestamptz - INTERVAL '${level.width}', INTERVAL '${level.width}') AS bucket`,
    [from, to],
  );
}
