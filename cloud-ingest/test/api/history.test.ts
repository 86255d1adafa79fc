import { afterAll, beforeAll, expect, test } from 'vitest';
import { type History, historySchema } from '../../src/api/history/schemas.ts';
import { isoOf } from '../../src/instant.ts';
import { createFixture, type Fixture, startTestApi, type TestApi } from './fixture.ts';
import { keepRollups } from './plant.ts';

const dayUs = 86_400_000_000;
/** The middle of the day before yesterday, so that all of it lies in whole buckets and in the retention. */
const noon = (Math.floor((Date.now() * 1_000) / dayUs) - 2) * dayUs + dayUs / 2;

let fixture: Fixture;
let api: TestApi;
beforeAll(async () => {
  fixture = await createFixture();
  const { sql } = fixture;
  await sql(`insert into series (gateway, device, tag, type) values
    ('g', 'd', 'dense', 'float64'), ('g', 'd', 'long', 'int32'), ('g', 'd', 'big', 'uint64'), ('g', 'd', 'text', 'string'),
    ('g', 'd', 'old', 'float64'), ('g', 'd', 'bool', 'bool'), ('g', 'd', 'heavy', 'float32')`);
  const insert = (
    series: number,
    from: number,
    to: number,
    step: string,
    value: string,
    quality = '0',
    text = 'null',
  ) =>
    sql(
      `insert into sample (time, series_id, value, quality, batch, text)
       select t, ${series}, ${value}, ${quality}, n, ${text} from generate_series($1::timestamptz, $2::timestamptz, interval '${step}') with ordinality as g (t, n)`,
      [isoOf(from), isoOf(to - 1)],
    );
  // An hour at 10 Hz with one peak, uncertain from 600 s on, and bad between 1200 s and 1260 s.
  await insert(
    1,
    noon,
    noon + 3_600_000_000,
    '100 milliseconds',
    `case when n between 12001 and 12600 then null when n = 20002 then 1000 else sin(n / 50.0) end`,
    `case when n between 12001 and 12600 then 202 when n > 6000 then 100 else 0 end`,
  );
  // Sixty days at one sample in ten minutes, an hour of each day bad.
  await insert(
    2,
    noon - 60 * dayUs,
    noon,
    '10 minutes',
    `case when mod(n, 144) < 6 then null else mod(n * 37, 1009) end`,
    `case when mod(n, 144) < 6 then 201 else 0 end`,
  );
  await insert(3, noon, noon + 10_000_000, '1 second', '18446744073709551615', '0', `(18446744073709551605 + n)::text`);
  await insert(4, noon, noon + 600_000_000, '1 second', 'null', '0', `'step ' || n / 60`);
  await insert(5, noon - 120 * dayUs, noon - 119 * dayUs, '1 hour', 'n');
  await insert(6, noon, noon + 60_000_000, '1 second', 'mod(n / 10, 2)');
  await insert(7, noon, noon + 1_200_000_000, '5 milliseconds', 'n');
  await keepRollups(sql);
  api = await startTestApi(fixture.url);
});
afterAll(async () => {
  await api?.close();
  await fixture?.close();
});

async function ask(query: Record<string, string | number>): Promise<History> {
  const text = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const { status, body } = await api.get(`/api/v1/history?${text}`);
  expect(body).not.toHaveProperty('code');
  expect(status).toBe(200);
  return historySchema.parse(body);
}

const asSamples = (history: History) => {
  if (history.form !== 'samples') throw new Error(`summaries of ${history.level}`);
  return history;
};
const asSummaries = (history: History) => {
  if (history.form !== 'summaries') throw new Error('samples');
  return history;
};

test('a short range gives the samples themselves, at their microsecond, with a gap where they are bad', async () => {
  const from = noon + 1_199_000_000;
  const history = asSamples(await ask({ gateway: 'g', device: 'd', tag: 'dense', from, to: from + 2_000_000 }));
  expect(history).toMatchObject({ level: 'raw', samples: 20, omitted: 0 });
  expect(history.timeUs).toEqual(Array.from({ length: 20 }, (_, index) => from + index * 100_000));
  expect(history.value.slice(10)).toEqual(Array(10).fill(null));
  expect(history.quality).toEqual([...Array(10).fill(100), ...Array(10).fill(202)]);
  const rows = await fixture.sql<{ value: number }>(
    'select value from sample where series_id = 1 and time >= $1 and time < $2 order by time',
    [isoOf(from), isoOf(from + 1_000_000)],
  );
  expect(history.value.slice(0, 10)).toEqual(rows.map(({ value }) => value));
});

test('the end of a range does not belong to it, its beginning does', async () => {
  const history = asSamples(await ask({ seriesId: 1, from: noon, to: noon + 100_000 }));
  expect(history.timeUs).toEqual([noon]);
});

test('what held when the range began comes with it', async () => {
  const history = asSamples(await ask({ seriesId: 3, from: noon + 60_000_000, to: noon + 120_000_000 }));
  expect(history.samples).toBe(0);
  expect(history.before).toEqual({ timeUs: noon + 9_000_000, value: '18446744073709551615', quality: 0 });
  expect(asSamples(await ask({ seriesId: 3, from: noon, to: noon + 1_000_000 })).before).toBeNull();
});

test('64-bit integers keep every bit', async () => {
  const history = asSamples(await ask({ seriesId: 3, from: noon, to: noon + 10_000_000 }));
  expect(history.value).toEqual(Array.from({ length: 10 }, (_, n) => String(18446744073709551606n + BigInt(n))));
});

test('booleans are booleans', async () => {
  const history = asSamples(await ask({ seriesId: 6, from: noon, to: noon + 60_000_000 }));
  expect(history.value.slice(8, 12)).toEqual([false, true, true, true]);
});

test('more raw samples than points become points that keep every minimum and maximum, none left out', async () => {
  const maxPoints = 360;
  const history = asSummaries(await ask({ seriesId: 1, from: noon, to: noon + 3_600_000_000, maxPoints }));
  expect(history).toMatchObject({ level: 'raw', samples: 36_000, pointMs: 10_000 });
  expect(history.timeUs).toHaveLength(maxPoints);
  expect(Math.max(...history.max.map((max) => max ?? 0))).toBe(1_000);
  const rows = await fixture.sql<{ min: number; max: number; mean: number; count: string; good: string }>(
    `select min(value), max(value), avg(value) as mean, count(*), count(*) filter (where quality < 100) as good
     from sample where series_id = 1 group by floor((extract(epoch from time) - $1) / 10) order by floor((extract(epoch from time) - $1) / 10)`,
    [noon / 1e6],
  );
  expect(history.min).toEqual(rows.map(({ min }) => min));
  expect(history.max).toEqual(rows.map(({ max }) => max));
  expect(history.count).toEqual(rows.map(({ count }) => Number(count)));
  expect(history.good).toEqual(rows.map(({ good }) => Number(good)));
  for (const [index, { mean }] of rows.entries()) {
    if (mean === null) expect(history.mean[index]).toBeNull();
    else expect(history.mean[index]).toBeCloseTo(mean, 9);
  }
  expect(history.mean.slice(120, 126)).toEqual(Array(6).fill(null));
});

const widths = { sample_1m: 60, sample_1h: 3_600, sample_1d: 86_400 };
test.each([
  // 60 days with 8,640 samples, in 5,000, 500 and 50 points.
  { maxPoints: 5_000, level: 'sample_1m', pointMinutes: 18 },
  { maxPoints: 500, level: 'sample_1h', pointMinutes: 180 },
  { maxPoints: 50, level: 'sample_1d', pointMinutes: 2 * 1_440 },
] as const)(
  '60 days in $maxPoints points are answered from $level, and equal what the raw rows say',
  async ({ maxPoints, level, pointMinutes }) => {
    const history = asSummaries(await ask({ seriesId: 2, from: noon - 60 * dayUs, to: noon, maxPoints }));
    expect(history).toMatchObject({ level, pointMs: pointMinutes * 60_000 });
    expect(history.pointMs % (widths[level] * 1_000)).toBe(0);
    const rows = await fixture.sql<{
      bin: string;
      mean: number | null;
      min: number;
      max: number;
      count: string;
      good: string;
    }>(
      `select floor(extract(epoch from time) / $1)::int8 * $1 as bin, avg(value) as mean, min(value), max(value), count(*), count(*) filter (where quality < 100) as good
     from sample where series_id = 2 group by 1 order by 1`,
      [pointMinutes * 60],
    );
    expect(history.timeUs).toEqual(rows.map(({ bin }) => Number(bin) * 1e6));
    expect(history.min).toEqual(rows.map(({ min }) => min));
    expect(history.max).toEqual(rows.map(({ max }) => max));
    expect(history.count).toEqual(rows.map(({ count }) => Number(count)));
    expect(history.good).toEqual(rows.map(({ good }) => Number(good)));
    expect(history.samples).toBe(8_640);
    for (const [index, { mean }] of rows.entries()) {
      if (mean === null) expect(history.mean[index]).toBeNull();
      else expect(history.mean[index]).toBeCloseTo(mean, 6);
    }
  },
);

test('a minute that many transactions have touched and nobody has summed up yet counts each sample once', async () => {
  const from = noon + dayUs / 4;
  await fixture.sql(
    `insert into sample (time, series_id, value, quality, batch) select $1::timestamptz + n * interval '1 second', 6, 1, 0, n from generate_series(0, 179) n`,
    [isoOf(from)],
  );
  await fixture.sql(
    `insert into touched_1m select $1::timestamptz + minute * interval '1 minute' from generate_series(0, 2) minute, generate_series(1, 5)`,
    [isoOf(from)],
  );
  const history = asSummaries(await ask({ seriesId: 6, from: noon - 2 * dayUs, to: noon + dayUs, maxPoints: 100 }));
  expect(history).toMatchObject({ level: 'sample_1m', samples: 60 + 180 });
  expect(history.mean.at(-1)).toBe(1);
});

test('a tag that speaks seldom is given as it spoke, even over months', async () => {
  const history = await ask({ seriesId: 2, from: noon - 60 * dayUs, to: noon - 55 * dayUs });
  expect(history).toMatchObject({ form: 'samples', level: 'raw', samples: 720 });
});

test('an hour with more rows than one query may read is answered from one-minute summaries', async () => {
  const history = asSummaries(await ask({ seriesId: 7, from: noon, to: noon + 1_200_000_000 }));
  expect(history).toMatchObject({ level: 'sample_1m', samples: 240_000, pointMs: 60_000 });
  expect(history.timeUs).toHaveLength(20);
});

test('what retention may have taken from the raw rows comes from the summaries', async () => {
  const history = asSummaries(await ask({ seriesId: 5, from: noon - 120 * dayUs, to: noon - 119 * dayUs }));
  expect(history).toMatchObject({ level: 'sample_1m', samples: 24 });
});

test('of too much text the last of each span is given, and how many are left out', async () => {
  const all = asSamples(await ask({ seriesId: 4, from: noon, to: noon + 600_000_000 }));
  expect(all.samples).toBe(600);
  expect(all.value[0]).toBe('step 0');
  const some = asSamples(await ask({ seriesId: 4, from: noon, to: noon + 600_000_000, maxPoints: 10 }));
  expect(some.samples).toBe(600);
  expect(some.omitted).toBe(590);
  expect(some.timeUs).toEqual(Array.from({ length: 10 }, (_, n) => noon + (n * 60 + 59) * 1_000_000));
  expect(some.value.at(-1)).toBe('step 10');
});

test('a range in which nothing was said is empty, not an error', async () => {
  expect(await ask({ seriesId: 1, from: '2020-01-01', to: '2020-01-02' })).toMatchObject({ samples: 0 });
});

test('without from and to it is the last hour', async () => {
  const { from, to } = await ask({ seriesId: 1 });
  expect(Date.parse(to) - Date.parse(from)).toBe(3_600_000);
  expect(Math.abs(Date.now() - Date.parse(to))).toBeLessThan(60_000);
});

test('a series that is not there is not found', async () => {
  for (const query of ['seriesId=99', 'gateway=g&device=d&tag=nothing']) {
    const { status, body } = await api.get(`/api/v1/history?${query}`);
    expect(status).toBe(404);
    expect(body).toMatchObject({ code: 'request/not-found', detail: expect.stringContaining('/api/v1/tags') });
  }
});
