/** History of one series: asks how dense it is, plans, and reads what the plan says. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import type { Database } from '../database.ts';
import { isoOf } from '../instant.ts';
import type { Tag } from '../tags.ts';
import { jsonValue } from '../value.ts';
import { countingLevel, type HistoryPlan, type HistoryRange, type Level, planHistory } from './plan.ts';
import type { History } from './schemas.ts';

const hourUs = 3_600_000_000;
const timeUsSql = (column: string): string => `(extract(epoch from ${column}) * 1000000)::int8`;
const binSql = `date_bin($4::int8 * interval '1 microsecond', %time, $2)`;

type Retention = Pick<DatabaseConfig, 'retainRawMs' | 'retainMinutesMs'>;
type SampleRow = { timeUs: number; value: number | null; text: string | null; quality: number };

export async function readHistory(
  database: Database,
  series: Tag,
  range: HistoryRange,
  maxPoints: number,
  retention: Retention,
  now: Micros,
): Promise<History> {
  const read: Reader = { database, series, maxPoints };
  if (series.type === 'string') return readTexts(read, range);
  const plan = planHistory({
    ...range,
    maxPoints,
    samples: await estimate(read, range),
    oldestRaw: now - retention.retainRawMs * 1_000,
    oldestMinute: now - retention.retainMinutesMs * 1_000,
  });
  if (plan.form === 'summaries') return readSummaries(read, plan);
  const samples = await readSamples(read, range);
  // The estimate comes from summaries: where it was too low, the truth decides.
  if (samples !== null) return samples;
  const pointUs = Math.ceil((range.to - range.from) / maxPoints);
  return readSummaries(read, { form: 'summaries', level: 'raw', pointUs, ...range });
}

type Reader = { readonly database: Database; readonly series: Tag; readonly maxPoints: number };

async function estimate({ database, series }: Reader, range: HistoryRange): Promise<number> {
  const [row] = await database.query<{ samples: number }>(
    `select coalesce(sum(count), 0)::int8 as samples from ${countingLevel(range)}
     where series_id = $1 and bucket >= $2 and bucket < $3`,
    [series.seriesId, isoOf(range.from), isoOf(range.to)],
  );
  return row?.samples ?? 0;
}

const headOf = ({ series }: Reader, { from, to }: HistoryRange, level: Level) => ({
  series,
  from: isoOf(from),
  to: isoOf(to),
  level,
});

/** null where there are more than `maxPoints`. */
async function readSamples(read: Reader, range: HistoryRange): Promise<History | null> {
  const { database, series, maxPoints } = read;
  const rows = await database.query<SampleRow>(
    `select ${timeUsSql('time')} as "timeUs", value, text, quality from sample
     where series_id = $1 and time >= $2 and time < $3 order by time limit $4`,
    [series.seriesId, isoOf(range.from), isoOf(range.to), maxPoints + 1],
  );
  return rows.length > maxPoints ? null : samplesOf(read, range, rows, rows.length, await readBefore(read, range.from));
}

/** With a deadband, a value that did not change has no sample: what came before still holds. */
async function readBefore({ database, series }: Reader, from: Micros): Promise<SampleRow | null> {
  const [row] = await database.query<SampleRow>(
    `select ${timeUsSql('time')} as "timeUs", value, text, quality from sample
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
  const bin = binSql.replace('%time', 'time');
  const rows = await database.query<SampleRow & { samples: number }>(
    `select distinct on (${bin}) ${timeUsSql('time')} as "timeUs", value, text, quality, count(*) over () as samples
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

type SummaryRow = {
  timeUs: number;
  mean: number | null;
  min: number | null;
  max: number | null;
  count: number;
  good: number;
};

async function readSummaries(read: Reader, plan: HistoryPlan & { form: 'summaries' }): Promise<History> {
  const { database, series } = read;
  const [time, columns] =
    plan.level === 'raw'
      ? ['time', 'avg(value) as mean, min(value), max(value), count(*), count(*) filter (where quality < 100) as good']
      : [
          'bucket',
          'sum(sum) / nullif(sum(valued), 0) as mean, min(min), max(max), sum(count)::int8 as count, sum(good)::int8 as good',
        ];
  const table = plan.level === 'raw' ? 'sample' : plan.level;
  const rows = await database.query<SummaryRow>(
    `select ${timeUsSql(binSql.replace('%time', time))} as "timeUs", ${columns} from ${table}
     where series_id = $1 and ${time} >= $2 and ${time} < $3 group by 1 order by 1`,
    [series.seriesId, isoOf(plan.from), isoOf(plan.to), plan.pointUs],
  );
  return {
    form: 'summaries',
    ...headOf(read, plan, plan.level),
    samples: rows.reduce((sum, { count }) => sum + count, 0),
    pointMs: plan.pointUs / 1_000,
    timeUs: rows.map(({ timeUs }) => timeUs),
    mean: rows.map(({ mean }) => mean),
    min: rows.map(({ min }) => min),
    max: rows.map(({ max }) => max),
    count: rows.map(({ count }) => count),
    good: rows.map(({ good }) => good),
  };
}
