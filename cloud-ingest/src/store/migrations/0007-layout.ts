import { interval, type Migration } from './migration.ts';

/**
 * Rows may go straight to the columnstore: docs/decisions/sample-index.md. Older versions than 2.26, the Apache edition and plain
 * PostgreSQL keep the layout that they have, and `write_path` stays empty there.
 *
 * Chunks that are in the columnstore keep the order in which they were compressed until late rows have them merged anew.
 */
export const layout: Migration = {
  version: 7,
  name: 'layout',
  statements: ({ edition, config }) => [
    // One row where rows may go straight to the columnstore. `columnstore_after`: as in the settings.
    'CREATE TABLE write_path (columnstore_after interval NOT NULL)',
    ...(edition === 'timescale' ? [straightToColumnstore(interval(config.columnstoreAfterMs))] : []),
  ],
};

/**
 * Without `segmentby` a compressed batch is 1,000 rows, however few each series has in it. No sparse index beside those of
 * the order: TimescaleDB would make a bloom filter after the B-tree, which takes more than the rows.
 */
const straightToColumnstore = (columnstoreAfter: string): string => `
  DO $layout$ BEGIN
    IF (SELECT string_to_array(substring(extversion FROM '^\\d+\\.\\d+'), '.')::int4[] >= '{2,26}'
        FROM pg_extension WHERE extname = 'timescaledb') THEN
      DROP INDEX sample_series_time;
      CREATE INDEX sample_series_time ON sample (series_id, time);
      ALTER TABLE sample SET (timescaledb.segmentby = '', timescaledb.orderby = 'series_id, time', timescaledb.sparse_index = '');
      INSERT INTO write_path (columnstore_after) VALUES (${columnstoreAfter});
    END IF;
  END $layout$`;
