/** History of one series: asks how dense it is, plans, and reads what the plan says. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import { isoOf } from '../../instant.ts';
import type { Database } from '../database.ts';
import type { Tag } from '../tags.ts';
import { jsonValue } from '../value.ts';
import {
  countingLevel,
  type HistoryQuestion,
  type HistoryRange,
  type Level,
  maxRawSamples,
  planHistory,
  planSummaries,
  type SummaryPlan,
} from './plan.ts';
import { computedTable, readPoints, timeUsOf } from './points.ts';
import type { History } from './schemas.ts';
import { readSilences, type Span } from './silences.ts';

const hourUs = 3_600_000_000;

type Retention = Pick<DatabaseConfig, 'retainRawMs' | 'retainMinutesMs' | 'retainHoursMs'>;
type SampleRow = { timeUs: number; value: number | null; text: string | null; quality: number };

export async function readHistory(
  database: Database,
  series: Tag,
  range: HistoryRange,
  maxPoints: number,
  retention: Retention,
  now: Micros,
): Promise<History> {
  // What held when the range began was sampled up to an hour before.
  const silences = await readSilences(database, series.gateway, { from: range.from - hourUs, to: range.to });
  const read: Reader = { database, series, maxPoints, silences };
  if (series.type === 'string') return readTexts(read, range);
  const { samples: about, kept } = await estimate(read, range);
  const oldest = (source: string, retainMs: number): Micros => Math.max(now - retainMs * 1_000, kept[source] ?? 0);
  const question = (count: number): HistoryQuestion => ({
    ...range,
    maxPoints,
    samples: count,
    oldestRaw: oldest('sample', retention.retainRawMs),
    oldestMinute: oldest('rollup_1m', retention.retainMinutesMs),
    oldestHour: oldest('rollup_1h', retention.retainHoursMs),
  });
  const plan = planHistory(question(about));
  if (plan.form === 'summaries') return summariesOf(read, plan);
  const samples = await readSamples(read, range);
  if (samples !== null) return samples;
  // What is computed does not know of the newest rows yet: where the estimate was too low, the truth decides.
  return summariesOf(read, planSummaries(question(await countUpTo(read, range, maxRawSamples + 1))));
}

type Reader = {
  readonly database: Database;
  readonly series: Tag;
  readonly maxPoints: number;
  readonly silences: readonly Span[];
};

/** From what has been computed, which is quick. `kept`: from when on nothing was removed, µs per source. */
async function estimate({ database, series }: Reader, range: HistoryRange): Promise<Estimate> {
  const [row] = await database.query<Estimate>(
    `select coalesce(sum(count), 0)::int8 as samples,
       (select coalesce(json_object_agg(source, ${timeUsOf('from_time')}), '{}') from kept) as kept
     from ${computedTable(countingLevel(range))} where series_id = $1 and bucket >= $2 and bucket < $3`,
    [series.seriesId, isoOf(range.from), isoOf(range.to)],
  );
  return row ?? { samples: 0, kept: {} };
}
type Estimate = { readonly samples: number; readonly kept: Readonly<Record<string, Micros>> };

async function countUpTo({ database, series }: Reader, range: HistoryRange, most: number): Promise<number> {
  const [row] = await database.query<{ samples: number }>(
    `select count(*) as samples from (select from sample where series_id = $1 and time >= $2 and time < $3 limit $4) as counted`,
    [series.seriesId, isoOf(range.from), isoOf(range.to), most],
  );
  return row?.samples ?? 0;
}

const headOf = ({ series, silences }: Reader, { from, to }: HistoryRange, level: Level) => ({
  series,
  from: isoOf(from),
  to: isoOf(to),
  level,
  silences: silences.map(([begin, end]): [number, number] => [begin, end]),
});

/** null where there are more than `maxPoints`. */
async function readSamples(read: Reader, range: HistoryRange): Promise<History | null> {
  const { database, series, maxPoints } = read;
  const rows = await database.query<SampleRow>(
    `select ${timeUsOf('time')} as "timeUs", value, text, quality from sample
     where series_id = $1 and time >= $2 and time < $3 order by time limit $4`,
    [series.seriesId, isoOf(range.from), isoOf(range.to), maxPoints + 1],
  );
  return rows.length > maxPoints ? null : samplesOf(read, range, rows, rows.length, await readBefore(read, range.from));
}

/** With a deadband, a value that did not change has no sample: what came before still holds. */
async function readBefore({ database, series }: Reader, from: Micros): Promise<SampleRow | null> {
  const [row] = await database.query<SampleRow>(
    `select ${timeUsOf('time')} as "timeUs", value, text, quality from sample
     where series_id = $1 and time >= $2 and time < $3 order by time desc limit 1`,
    [series.seriesId, isoOf(from - hourUs), isoOf(from)],
  );
  return row ?? null;
}

/** Text has no mean: of too many samples, the last of each of `maxPoints` spans is kept and the rest counted as omitted. */
async function readTexts(read: Reader, range: HistoryRange): Promise<History> {
  const { database, series, maxPoints } = read;
  const all = await readSamples(read, range);
  if (all !== null) return all;
  const values = [series.seriesId, isoOf(range.from), isoOf(range.to), Math.ceil((range.to - range.from) / maxPoints)];
  const bin = `date_bin($4::int8 * interval '1 microsecond', time, $2)`;
  const rows = await database.query<SampleRow & { samples: number }>(
    `select distinct on (${bin}) ${timeUsOf('time')} as "timeUs", value, text, quality, count(*) over () as samples
     from sample where series_id = $1 and time >= $2 and time < $3 order by ${bin}, time desc`,
    values,
  );
  return samplesOf(read, range, rows, rows[0]?.samples ?? 0, await readBefore(read, range.from));
}

function samplesOf(
  read: Reader,
  range: HistoryRange,
  rows: readonly SampleRow[],
  samples: number,
  before: SampleRow | null,
): History {
  const shown = ({ value, text }: SampleRow) => jsonValue(read.series.type, value, text);
  return {
    form: 'samples',
    ...headOf(read, range, 'raw'),
    samples,
    omitted: samples - rows.length,
    before: before === null ? null : { timeUs: before.timeUs, value: shown(before), quality: before.quality },
    timeUs: rows.map(({ timeUs }) => timeUs),
    value: rows.map(shown),
    quality: rows.map(({ quality }) => quality),
  };
}

async function summariesOf(read: Reader, plan: SummaryPlan): Promise<History> {
  const points = await readPoints(read.database, read.series.seriesId, plan);
  return {
    form: 'summaries',
    ...headOf(read, plan, plan.level),
    samples: points.reduce((sum, { count }) => sum + count, 0),
    pointMs: plan.pointUs / 1_000,
    timeUs: points.map(({ timeUs }) => timeUs),
    mean: points.map(({ mean }) => mean),
    min: points.map(({ min }) => min),
    max: points.map(({ max }) => max),
    count: points.map(({ count }) => count),
    good: points.map(({ good }) => good),
  };
}
