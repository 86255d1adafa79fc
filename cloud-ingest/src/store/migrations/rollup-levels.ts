/**
 * The levels of the roll-ups and what they hold: count of samples, of good ones and of those with a value; sum, min, max,
 * first and last over the values. An average is sum / valued, at every level, exactly.
 */
export type RollupLevel = {
  readonly name: string;
  /** What it is computed from; null: from `sample`. */
  readonly of: string | null;
  readonly width: string;
  readonly ms: number;
  /** Touched buckets that lie in one such time are looked for together. */
  readonly together: string;
};

export const rollupLevels: readonly RollupLevel[] = [
  { name: 'sample_1m', of: null, width: '1 minute', ms: 60_000, together: '1 hour' },
  { name: 'sample_1h', of: 'sample_1m', width: '1 hour', ms: 3_600_000, together: '1 day' },
  { name: 'sample_1d', of: 'sample_1h', width: '1 day', ms: 86_400_000, together: '30 days' },
];

type FirstAndLast = 'timescale' | 'own';

/** first and last of `column` by `by`, over the rows where it is not null. */
function edge(kind: FirstAndLast, which: 'first' | 'last', column: string, by: string): string {
  if (kind === 'timescale') return `${which}(${column}, ${by}) FILTER (WHERE ${column} IS NOT NULL)`;
  const order = which === 'first' ? 'ASC' : 'DESC';
  return `(array_agg(${column} ORDER BY ${by} ${order}) FILTER (WHERE ${column} IS NOT NULL))[1]`;
}

export const fromRaw = (kind: FirstAndLast): string =>
  [
    'count(*) AS count',
    'count(*) FILTER (WHERE quality < 100) AS good',
    'count(value) AS valued',
    'sum(value) AS sum',
    'min(value) AS min',
    'max(value) AS max',
    `${edge(kind, 'first', 'value', 'time')} AS first`,
    `${edge(kind, 'last', 'value', 'time')} AS last`,
  ].join(', ');

export const fromRollup = (kind: FirstAndLast): string =>
  [
    'sum(count)::int8 AS count',
    'sum(good)::int8 AS good',
    'sum(valued)::int8 AS valued',
    'sum(sum) AS sum',
    'min(min) AS min',
    'max(max) AS max',
    `${edge(kind, 'first', 'first', 'bucket')} AS first`,
    `${edge(kind, 'last', 'last', 'bucket')} AS last`,
  ].join(', ');

export const rollupColumns = 'bucket, series_id, count, good, valued, sum, min, max, first, last';
