import { createHash } from 'node:crypto';
import type { DatabaseConfig } from '@fieldline/shared/config';
import { columnstoreStorage } from './columnstore-storage.ts';
import { noteKeptByPolicies, sourceOf } from './maintenance/kept.ts';
import { interval } from './migrations/migration.ts';
import { rollupTable } from './migrations/own-rollups.ts';
import { type RollupLevel, rollupLevels } from './migrations/rollup-levels.ts';

/**
 * The statements that make the background jobs of TimescaleDB as the settings want them; none where they were made from the
 * same settings before, so that a job that somebody has tuned by hand stays tuned. `made`: the fingerprint in `policy`.
 */
export function policyStatements(config: DatabaseConfig, made: string | null): string[] {
  const wanted = statementsFor(config);
  const fingerprint = createHash('sha256').update(JSON.stringify(wanted)).digest('hex');
  if (fingerprint === made) return [];
  return [
    noteKeptByPolicies,
    ...wanted,
    'DELETE FROM policy',
    `INSERT INTO policy (fingerprint) VALUES ('${fingerprint}')`,
  ];
}

const statementsFor = (config: DatabaseConfig): string[] => [
  `SELECT set_chunk_time_interval('sample', ${interval(config.chunkMs)})`,
  `CALL remove_columnstore_policy('sample', if_exists => true)`,
  `CALL add_columnstore_policy('sample', after => ${interval(config.columnstoreAfterMs)},
     schedule_interval => ${interval(Math.min(config.chunkMs / 2, maxMergeMs))})`,
  `UPDATE write_path SET columnstore_after = ${interval(config.columnstoreAfterMs)}`,
  columnstoreStorage,
  ...retention('sample', config.retainRawMs),
  // What a row was received with can be told as long as the row is there.
  ...retention('batch_log', config.retainRawMs),
  ...retention('rollup_1m', config.retainMinutesMs),
  ...retention('rollup_1h', config.retainHoursMs),
  ...rollupLevels.flatMap((level, index) =>
    sweep(level, ([config.retainRawMs, config.retainMinutesMs, config.retainHoursMs][index] ?? 0) - config.chunkMs),
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

/**
 * Roll-ups are computed by our maintenance (maintenance/rollups.ts). Once a day TimescaleDB refreshes what its own log names
 * besides: rows that somebody wrote past the processor, and the time between two buckets of one transaction, which would
 * make that log longer and longer. It must not look back as far as retention reaches or has ever reached, or it would empty
 * the buckets of rows that were dropped.
 */
function sweep(level: RollupLevel, lookBackMs: number): string[] {
  const table = rollupTable(level);
  const endMs = Math.max(level.ms, 3_600_000);
  const keptFor = `(SELECT now() - from_time - INTERVAL '1 hour' FROM kept WHERE source = '${sourceOf(level)}')`;
  const start = `greatest(least(${interval(lookBackMs)}, ${keptFor}), ${interval(endMs + 3 * level.ms)})`;
  return [
    `SELECT remove_continuous_aggregate_policy('${table}', if_exists => true)`,
    `SELECT add_continuous_aggregate_policy('${table}', start_offset => ${start},
       end_offset => ${interval(endMs)}, schedule_interval => INTERVAL '1 day')`,
  ];
}
