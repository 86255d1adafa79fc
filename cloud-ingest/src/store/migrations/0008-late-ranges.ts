import type { DatabaseConfig } from '@fieldline/shared/config';
import { interval, type Migration, type MigrationContext } from './migration.ts';
import { rollupTable, rollupTableColumns, touchedTable } from './own-rollups.ts';
import { rollupLevels } from './rollup-levels.ts';
import { rollupViews } from './rollup-views.ts';

/**
 * One log of touched buckets and one set of views on every edition: `rollup_<level>` has what was computed, whoever does it,
 * and `sample_<level>` is right up to now, late rows included. One-minute summaries are many: they are dropped by the chunk.
 */
export const lateRanges: Migration = {
  version: 8,
  name: 'late ranges',
  statements: (context) => [
    ...(context.edition === 'timescale' ? [] : rollupLevels.toReversed().map(({ name }) => `DROP VIEW ${name}`)),
    // From when on nothing of a source has been removed by retention: maintenance/kept.ts.
    'CREATE TABLE kept (source text PRIMARY KEY, from_time timestamptz NOT NULL)',
    ...tablesFor(context),
    ...rollupViews(),
  ],
};

function tablesFor({ edition, config }: MigrationContext): string[] {
  switch (edition) {
    case 'timescale':
      return continuousAggregates(config);
    case 'timescale-apache':
      return [
        `SELECT create_hypertable('rollup_1m', by_range('bucket', ${interval(config.chunkMs)}), create_default_indexes => false, migrate_data => true)`,
      ];
    case 'plain':
      return partitionedMinutes;
  }
}

const continuousAggregates = (config: DatabaseConfig): string[] => [
  ...rollupLevels.flatMap((level) => [
    `ALTER MATERIALIZED VIEW ${level.name} RENAME TO ${rollupTable(level)}`,
    // The views do this part, and they know of late rows too.
    `ALTER MATERIALIZED VIEW ${rollupTable(level)} SET (timescaledb.materialized_only = true)`,
    `CREATE TABLE ${touchedTable(level)} (bucket timestamptz NOT NULL)`,
  ]),
  // What no job has refreshed yet; what is older is found by the daily one.
  `INSERT INTO touched_1m SELECT generate_series(date_trunc('minute', now()) - INTERVAL '2 days', now(), INTERVAL '1 minute')
     WHERE EXISTS (SELECT FROM sample)`,
  // A day of minutes, and a month of hours: what is computed anew now and then stays in the rowstore meanwhile.
  `SELECT set_chunk_time_interval('rollup_1m', ${interval(config.chunkMs)})`,
  `SELECT set_chunk_time_interval('rollup_1h', ${interval(30 * config.chunkMs)})`,
  ...['rollup_1m', 'rollup_1h'].map(
    (table) =>
      `ALTER MATERIALIZED VIEW ${table} SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'series_id', timescaledb.orderby = 'bucket')`,
  ),
  // Roll-ups read all series of a few minutes. It costs next to nothing: an entry for some thousand rows.
  'CREATE INDEX sample_time ON sample USING brin (time) WITH (pages_per_range = 32, autosummarize = on)',
];

const partitionedMinutes = [
  'ALTER TABLE rollup_1m RENAME TO rollup_1m_before',
  'ALTER INDEX rollup_1m_bucket RENAME TO rollup_1m_before_bucket',
  `CREATE TABLE rollup_1m (${rollupTableColumns}) PARTITION BY RANGE (bucket)`,
  'CREATE TABLE rollup_1m_default PARTITION OF rollup_1m DEFAULT',
  'CREATE INDEX rollup_1m_bucket ON rollup_1m USING brin (bucket)',
  'INSERT INTO rollup_1m SELECT * FROM rollup_1m_before',
  'DROP TABLE rollup_1m_before',
];
