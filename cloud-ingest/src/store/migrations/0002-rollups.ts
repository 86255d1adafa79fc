import { interval, type Migration, type MigrationContext } from './migration.ts';
import { ownRollups } from './own-rollups.ts';
import { fromRaw, fromRollup, rollupLevels } from './rollup-levels.ts';

/** sample_1m, sample_1h, sample_1d: the same names and columns whoever computes them. */
export const rollups: Migration = {
  version: 2,
  name: 'roll-ups',
  statements: (context) => (context.edition === 'timescale' ? continuousAggregates(context) : ownRollups()),
};

const continuousAggregates = ({ config }: MigrationContext): string[] => [
  // What the jobs were last made from: policies.ts.
  'CREATE TABLE policy (fingerprint text NOT NULL)',
  `ALTER TABLE sample SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'series_id', timescaledb.orderby = 'time DESC')`,
  ...rollupLevels.map(
    ({ name, of, width }) => `
     CREATE MATERIALIZED VIEW ${name} WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
       SELECT time_bucket(INTERVAL '${width}', ${of === null ? 'time' : 'bucket'}) AS bucket, series_id, ${of === null ? fromRaw('timescale') : fromRollup('timescale')}
       FROM ${of ?? 'sample'}
       GROUP BY 1, 2
     WITH NO DATA`,
  ),
  // The chunks of a roll-up hold ten times the span of their source's unless told otherwise; retention works by chunk.
  `SELECT set_chunk_time_interval('sample_1m', ${interval(config.chunkMs * 10)})`,
];
