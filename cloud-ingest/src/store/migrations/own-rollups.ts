/**
 * What has been computed stands in `rollup_<level>`: tables of our own, or continuous aggregates where there are any. Buckets
 * with rows that are not in it yet stand in `touched_<level>`, without a key, so that two transactions never wait for each
 * other there. The views take finished buckets from the former and compute touched ones at once: right up to now, late rows
 * included.
 *
 *   processor     writes touched_1m in the transaction of the rows
 *   maintenance   takes buckets off touched_<level>, computes them, and touches the level above
 */
import { fromRaw, fromRollup, type RollupLevel, rollupColumns, rollupLevels } from './rollup-levels.ts';

export const rollupTable = (level: RollupLevel): string => level.name.replace('sample', 'rollup');
export const touchedTable = (level: RollupLevel): string => level.name.replace('sample', 'touched');

/** date_bin from an instant in UTC: buckets are the same on every server, whatever its time zone. */
export const bucketOf = (level: RollupLevel, time: string): string =>
  `date_bin('${level.width}', ${time}, TIMESTAMPTZ '2000-01-01 00:00:00+00')`;

export const rollupTableColumns = `
       bucket timestamptz NOT NULL,
       series_id int4 NOT NULL,
       count int8 NOT NULL,
       good int8 NOT NULL,
       valued int8 NOT NULL,
       sum float8,
       min float8,
       max float8,
       first float8,
       last float8,
       PRIMARY KEY (series_id, bucket)`;

export const ownRollups = (): string[] =>
  rollupLevels.flatMap((level, index) => [
    `CREATE TABLE ${rollupTable(level)} (${rollupTableColumns})`,
    `CREATE INDEX ${rollupTable(level)}_bucket ON ${rollupTable(level)} USING brin (bucket)`,
    `CREATE TABLE ${touchedTable(level)} (bucket timestamptz NOT NULL)`,
    `CREATE VIEW ${level.name} AS
       WITH touched AS MATERIALIZED (${touchedBuckets(index)}),
       spans AS MATERIALIZED (
         SELECT min(bucket) AS from_time, max(bucket) + INTERVAL '${level.width}' AS to_time
         FROM (SELECT bucket, bucket - row_number() OVER (ORDER BY bucket) * INTERVAL '${level.width}' AS island FROM touched) AS numbered
         GROUP BY island)
       SELECT ${rollupColumns} FROM ${rollupTable(level)}
       WHERE NOT EXISTS (SELECT FROM touched WHERE touched.bucket = ${rollupTable(level)}.bucket)
       UNION ALL
       ${computed(level, 'spans')}`,
  ]);

/** Buckets of a level that are not finished because of itself or of any level below, each once: they are joined. */
const touchedBuckets = (index: number): string =>
  rollupLevels
    .slice(0, index + 1)
    .map(
      (below) =>
        `SELECT DISTINCT ${bucketOf(rollupLevels[index] ?? below, 'bucket')} AS bucket FROM ${touchedTable(below)}`,
    )
    .join(' UNION ');

/** The rows of a level, from the level below, for whole buckets: `spans` has from_time and to_time. */
function computed(level: RollupLevel, spans: string): string {
  const [source, time, what] =
    level.of === null ? ['sample', 'time', fromRaw('own')] : [level.of, 'bucket', fromRollup('own')];
  return `SELECT ${bucketOf(level, `source.${time}`)} AS bucket, source.series_id, ${what.replaceAll(/\bbucket\b/g, 'source.bucket')}
          FROM ${spans} AS span JOIN ${source} AS source ON source.${time} >= span.from_time AND source.${time} < span.to_time
          GROUP BY 1, 2`;
}
