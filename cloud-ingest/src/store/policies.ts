import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Session } from './connection.ts';
import { interval } from './migrations/migration.ts';
import { type RollupLevel, rollupLevels } from './migrations/rollup-levels.ts';

/**
 * The background jobs of TimescaleDB, as the settings want them. They are made anew only when the settings have changed, so
 * that a job that somebody has tuned by hand stays tuned.
 */
export async function applyPolicies(session: Session, config: DatabaseConfig): Promise<void> {
  const wanted = statementsFor(config);
  const fingerprint = JSON.stringify(wanted);
  await session.query('BEGIN');
  const [present] = await session.query<{ fingerprint: string }>('SELECT fingerprint FROM policy');
  if (present?.fingerprint !== fingerprint) {
    for (const statement of wanted) await session.query(statement);
    await session.query('DELETE FROM policy');
    await session.query('INSERT INTO policy (fingerprint) VALUES ($1)', [fingerprint]);
  }
  await session.query('COMMIT');
}

const statementsFor = ({ chunkMs, columnstoreAfterMs, retainRawMs, retainMinutesMs }: DatabaseConfig): string[] => [
  `SELECT set_chunk_time_interval('sample', ${interval(chunkMs)})`,
  `CALL remove_columnstore_policy('sample', if_exists => true)`,
  `CALL add_columnstore_policy('sample', after => ${interval(columnstoreAfterMs)},
     schedule_interval => ${interval(Math.min(chunkMs / 2, maxMergeMs))})`,
  `UPDATE write_path SET columnstore_after = ${interval(columnstoreAfterMs)}`,
  ...retention('sample', retainRawMs),
  // What a row was received with can be told as long as the row is there.
  ...retention('batch_log', retainRawMs),
  ...retention('sample_1m', retainMinutesMs),
  ...rollupLevels.flatMap((level) =>
    refresh(level, level.of === null ? retainRawMs - chunkMs : retainMinutesMs - chunkMs),
  ),
];

/**
 * How often chunks are looked for that are old enough to be merged. One with rows in both stores takes two rounds: the first
 * brings those of the rowstore in, the second puts all in order.
 */
const maxMergeMs = 3_600_000;

const retention = (relation: string, ms: number): string[] => [
  `SELECT remove_retention_policy('${relation}', if_exists => true)`,
  `SELECT add_retention_policy('${relation}', ${interval(ms)})`,
];

/** Late rows are in the roll-ups after this time at the latest. */
const maxRefreshMs = 15 * 60_000;

/**
 * A refresh looks back over everything that may still change and computes only what the invalidation log names, so late
 * rows are in the roll-ups within minutes. It must not look back as far as retention reaches, or it would empty the buckets
 * of rows that were dropped.
 */
function refresh({ name, ms }: RollupLevel, lookBackMs: number): string[] {
  const endMs = ms;
  const startMs = Math.max(lookBackMs, endMs + 3 * ms);
  return [
    `SELECT remove_continuous_aggregate_policy('${name}', if_exists => true)`,
    `SELECT add_continuous_aggregate_policy('${name}', start_offset => ${interval(startMs)},
       end_offset => ${interval(endMs)}, schedule_interval => ${interval(Math.min(Math.max(ms / 12, 60_000), maxRefreshMs))})`,
  ];
}
