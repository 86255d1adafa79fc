/**
 * Points of a chart, out of raw rows or of summaries. A point is a sum of parts: from the summaries that are computed, which a
 * columnstore adds up without looking at single rows; and for those that are not, or not any more since late rows have come,
 * from the level below, down to the rows themselves. So an answer is right up to now, and each query is a plain one over a
 * range that the planner knows: the views of the store say the same, but have to be planned for all time.
 */

import { isoOf } from '../../instant.ts';
import type { Database } from '../database.ts';
import { type HistoryRange, type SummaryLevel, type SummaryPlan, widthUs } from './plan.ts';

export type Point = Part & { readonly mean: number | null };

/** What of a point is in one place. */
type Part = {
  readonly timeUs: number;
  readonly sum: number | null;
  readonly valued: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly count: number;
  readonly good: number;
};

const finerThan: Record<SummaryLevel, SummaryLevel | null> = {
  sample_1d: 'sample_1h',
  sample_1h: 'sample_1m',
  sample_1m: null,
};

export const timeUsOf = (column: string): string => `(extract(epoch from ${column}) * 1000000)::int8`;
export const computedTable = (level: SummaryLevel): string => level.replace('sample', 'rollup');
const unfinishedView = (level: SummaryLevel): string => level.replace('sample', 'unfinished');

const ofRaw = `sum(value), count(value) as valued, min(value), max(value), count(*), count(*) filter (where quality < 100) as good`;
const ofSummaries = `sum(sum), sum(valued)::int8 as valued, min(min), max(max), sum(count)::int8 as count, sum(good)::int8 as good`;

export async function readPoints(database: Database, seriesId: number, plan: SummaryPlan): Promise<readonly Point[]> {
  const read: Read = { database, seriesId, plan };
  if (plan.level === 'raw') return pointsOf(await readParts(read, 'sample', plan));
  const unfinished = await readUnfinished(database, plan, plan.level);
  const parts: Part[] = [];
  let missing: readonly Missing[] = [plan];
  for (let level: SummaryLevel | null = plan.level; level !== null; level = finerThan[level]) {
    const buckets = unfinished.get(level) ?? [];
    for (const range of missing) parts.push(...(await readParts(read, computedTable(level), range, buckets)));
    missing = missingOf(buckets, widthUs[level]);
  }
  for (const range of missing) parts.push(...(await readParts(read, 'sample', range)));
  return pointsOf(parts);
}

/** A range, and where not all of it is meant, which of its buckets are. */
type Missing = HistoryRange & { readonly only?: { readonly buckets: readonly number[]; readonly bucketUs: number } };
type Read = { readonly database: Database; readonly seriesId: number; readonly plan: SummaryPlan };

async function readParts(
  { database, seriesId, plan }: Read,
  table: string,
  { from, to, only }: Missing,
  except: readonly number[] = [],
): Promise<Part[]> {
  const [time, columns] = table === 'sample' ? ['time', ofRaw] : ['bucket', ofSummaries];
  const values: unknown[] = [seriesId, isoOf(from), isoOf(to), plan.pointUs, isoOf(plan.from)];
  const conditions = [`series_id = $1 and ${time} >= $2 and ${time} < $3`];
  const inRange = except.filter((bucket) => bucket >= from && bucket < to);
  if (inRange.length > 0) conditions.push(`${time} <> all($${values.push(inRange.map(isoOf))}::timestamptz[])`);
  if (only !== undefined) {
    const width = `$${values.push(only.bucketUs)}::int8 * interval '1 microsecond'`;
    const buckets = `$${values.push(only.buckets.map(isoOf))}::timestamptz[]`;
    conditions.push(`date_bin(${width}, ${time}, timestamptz 'epoch') = any(${buckets})`);
  }
  // The time as a number only for the points, not for each row that they are made of.
  return database.query<Part>(
    `select ${timeUsOf('bin')} as "timeUs", sum, valued, min, max, count, good
     from (select date_bin($4::int8 * interval '1 microsecond', ${time}, $5) as bin, ${columns}
           from ${table} where ${conditions.join(' and ')} group by 1) as point`,
    values,
  );
}

/** The buckets of a level and of the finer ones that are not computed, in order. */
async function readUnfinished(
  database: Database,
  { from, to }: HistoryRange,
  coarsest: SummaryLevel,
): Promise<ReadonlyMap<SummaryLevel, readonly number[]>> {
  const queries: string[] = [];
  for (let level: SummaryLevel | null = coarsest; level !== null; level = finerThan[level]) {
    queries.push(
      `select '${level}' as level, ${timeUsOf('bucket')} as "timeUs" from ${unfinishedView(level)} where bucket >= $1 and bucket < $2`,
    );
  }
  const rows = await database.query<{ level: SummaryLevel; timeUs: number }>(
    `${queries.join(' union all ')} order by 2`,
    [isoOf(from), isoOf(to)],
  );
  const unfinished = new Map<SummaryLevel, number[]>();
  for (const { level, timeUs } of rows) {
    const buckets = unfinished.get(level);
    if (buckets === undefined) unfinished.set(level, [timeUs]);
    else buckets.push(timeUs);
  }
  return unfinished;
}

/** Queries that one level may cost; where late rows are scattered wider, one query looks through all the time between. */
const maxRanges = 6;

/** Where buckets are missing: neighbours together. `buckets`: ascending. */
export function missingOf(buckets: readonly number[], bucketUs: number): readonly Missing[] {
  const ranges: { from: number; to: number }[] = [];
  for (const bucket of buckets) {
    const last = ranges.at(-1);
    if (last?.to === bucket) last.to += bucketUs;
    else ranges.push({ from: bucket, to: bucket + bucketUs });
  }
  const [first] = ranges;
  if (first === undefined || ranges.length <= maxRanges) return ranges;
  return [{ from: first.from, to: ranges.at(-1)?.to ?? first.to, only: { buckets, bucketUs } }];
}

function pointsOf(parts: readonly Part[]): Point[] {
  const sums = new Map<number, Part>();
  for (const part of parts) {
    const sum = sums.get(part.timeUs);
    sums.set(part.timeUs, sum === undefined ? part : together(sum, part));
  }
  return [...sums.values()]
    .sort((a, b) => a.timeUs - b.timeUs)
    .map((part) => ({ ...part, mean: part.sum === null ? null : part.sum / part.valued }));
}

const together = (a: Part, b: Part): Part => ({
  timeUs: a.timeUs,
  sum: either((left, right) => left + right, a.sum, b.sum),
  valued: a.valued + b.valued,
  min: either(Math.min, a.min, b.min),
  max: either(Math.max, a.max, b.max),
  count: a.count + b.count,
  good: a.good + b.good,
});

/** null is nothing, not zero. */
function either(of: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return of(a, b);
}
