/**
 * Refreshes exactly the buckets that a replay has touched, level by level, where TimescaleDB keeps the roll-ups (elsewhere
 * they are touched in the transaction of the rows). Never below `rowsFrom`, where the rows themselves may be gone: a refresh
 * would empty the buckets. Not above the watermark either: from there on the views compute from the rows when asked.
 */
import type { Micros } from '@fieldline/shared/contracts';
import type { Session } from '../store/connection.ts';
import { spansOf } from '../store/maintenance/spans.ts';
import { type RollupLevel, rollupLevels } from '../store/migrations/rollup-levels.ts';

const minuteMs = 60_000;

/** `minutes` since 1970. @throws FieldlineError of the database; what is not refreshed then, the policies do later */
export async function refreshRollups(
  session: Session,
  schema: string,
  minutes: ReadonlySet<number>,
  rowsFrom: Micros,
): Promise<number> {
  let refreshed = 0;
  for (const level of rollupLevels) {
    const watermarkMs = await watermarkOf(session, schema, level);
    const buckets = new Set([...minutes].map((minute) => Math.floor((minute * minuteMs) / level.ms) * level.ms));
    const due = [...buckets]
      // Upper levels are computed from the level below, which outlives the rows.
      .filter((bucket) => bucket < watermarkMs && (level.of !== null || bucket * 1_000 >= rowsFrom))
      .sort((a, b) => a - b);
    for (const { from, to } of spansOf(due, level.ms)) {
      await session.query(
        `CALL refresh_continuous_aggregate('${schema}.${level.name}', $1::timestamptz, $2::timestamptz)`,
        [from, to],
      );
    }
    refreshed += due.length;
  }
  return refreshed;
}

async function watermarkOf(session: Session, schema: string, { name }: RollupLevel): Promise<number> {
  const [row] = await session.query<{ ms: number }>(
    `SELECT _timescaledb_functions.cagg_watermark(mat_hypertable_id) / 1000 AS ms
     FROM _timescaledb_catalog.continuous_agg WHERE user_view_schema = $1 AND user_view_name = $2`,
    [schema, name],
  );
  return row?.ms ?? Number.NEGATIVE_INFINITY;
}
