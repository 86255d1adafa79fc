/**
 * The views `sample_<level>`: what has been computed, except unfinished buckets, and those computed at once. Right up to now,
 * late rows included, on every edition. `unfinished_<level>` names the buckets.
 *
 * The ranges to read are handed down from level to level (LATERAL), and so is a condition on the series: one series is
 * looked up by its index in the few ranges that are touched, and nothing else is read. `= ANY` keeps it so: the planner makes
 * no join of it, for which it would read all rows there are.
 */
import { bucketOf, rollupTable, touchedTable } from './own-rollups.ts';
import { fromRaw, fromRollup, type RollupLevel, rollupColumns, rollupLevels } from './rollup-levels.ts';

export const rollupViews = (): string[] =>
  rollupLevels.flatMap((level, index) => {
    const upTo = rollupLevels.slice(0, index + 1);
    const buckets = upTo.map((each) => `${cteOf(each)} AS MATERIALIZED (SELECT bucket FROM ${unfinishedView(each)})`);
    return [
      `CREATE VIEW ${unfinishedView(level)} AS ${unfinishedBuckets(level, upTo)}`,
      `CREATE VIEW ${level.name} AS WITH ${buckets.join(', ')} ${rowsOf(level, null)}`,
    ];
  });

export const unfinishedView = ({ name }: RollupLevel): string => name.replace('sample', 'unfinished');
const cteOf = ({ name }: RollupLevel): string => name.replace('sample', 'touched_now');

/** Buckets of a level that are not finished because of itself or of any level below, each once. */
const unfinishedBuckets = (level: RollupLevel, upTo: readonly RollupLevel[]): string =>
  `SELECT DISTINCT ${bucketOf(level, 'bucket')} AS bucket
    FROM (${upTo.map((below) => `SELECT bucket FROM ${touchedTable(below)}`).join(' UNION ALL ')}) AS touched`;

/** Of all time, or of the time of `span`. */
function rowsOf(level: RollupLevel, span: string | null): string {
  const table = rollupTable(level);
  const within = (column: string): string =>
    span === null ? '' : `${column} >= ${span}.from_time AND ${column} < ${span}.to_time`;
  const and = span === null ? '' : ` AND ${within(`${table}.bucket`)}`;
  const own = `${cteOf(level)}_span`;
  return `
    SELECT ${rollupColumns} FROM ${table}
    WHERE NOT EXISTS (SELECT FROM ${cteOf(level)} AS touched WHERE touched.bucket = ${table}.bucket)${and}
    UNION ALL
    ${computed(level, touchedSpans(level, cteOf(level), within('bucket')), own, lateral(level, own))}`;
}

function lateral({ of }: RollupLevel, span: string): string {
  const below = rollupLevels.find(({ name }) => name === of);
  if (below !== undefined) return `LATERAL (${rowsOf(below, span)})`;
  return `LATERAL (SELECT time, series_id, value, quality FROM sample WHERE time >= ${span}.from_time AND time < ${span}.to_time)`;
}

/**
 * Touched buckets that lie in one hour (a day, a month) are looked for together: as many ranges as there are buckets would
 * each be searched for.
 */
export const touchedSpans = (level: RollupLevel, touched: string, condition = ''): string =>
  `(SELECT min(bucket) AS from_time, max(bucket) + INTERVAL '${level.width}' AS to_time, array_agg(bucket) AS buckets
    FROM ${touched} ${condition === '' ? '' : `WHERE ${condition}`}
    GROUP BY date_bin('${level.together}', bucket, TIMESTAMPTZ '2000-01-01 00:00:00+00'))`;

/** The rows of a level for the buckets of `spans`, from `source`: rows of the level below, in those spans. */
export function computed(level: RollupLevel, spans: string, span: string, source: string): string {
  const [time, what] = level.of === null ? ['time', fromRaw('own')] : ['bucket', fromRollup('own')];
  const bucket = bucketOf(level, `source.${time}`);
  return `SELECT ${bucket} AS bucket, source.series_id, ${what.replaceAll(/\bbucket\b/g, 'source.bucket')}
    FROM ${spans} AS ${span} CROSS JOIN ${source} AS source
    WHERE ${bucket} = ANY(${span}.buckets)
    GROUP BY 1, 2`;
}
