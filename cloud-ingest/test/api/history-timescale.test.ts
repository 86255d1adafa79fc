import { describeWith, type OwnPostgres, startPostgres, timescale } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { historySchema } from '../../src/api/history/schemas.ts';
import { isoOf } from '../../src/api/instant.ts';
import { type Fixture, openFixture, startTestApi, type TestApi } from './fixture.ts';

describeWith(timescale, 'history on TimescaleDB', () => {
  const dayUs = 86_400_000_000;
  const noon = (Math.floor((Date.now() * 1_000) / dayUs) - 2) * dayUs + dayUs / 2;
  let server: OwnPostgres;
  let fixture: Fixture;
  let api: TestApi;
  beforeAll(async () => {
    server = await startPostgres({ timescale: true });
    fixture = await openFixture((await server.createDatabase()).url);
    // Its own jobs would refresh in between, at moments of their choice.
    await fixture.sql('select _timescaledb_functions.stop_background_workers()');
    await fixture.sql(`insert into series (gateway, device, tag, type) values ('g', 'd', 't', 'float64')`);
    await fixture.sql(
      `insert into sample (time, series_id, value, quality, batch)
       select t, 1, case when mod(n, 50) = 0 then null else sin(n / 100.0) * n end, case when mod(n, 50) = 0 then 202 else 0 end, n
       from generate_series($1::timestamptz, $2::timestamptz, interval '30 seconds') with ordinality as g (t, n)`,
      [isoOf(noon - 20 * dayUs), isoOf(noon)],
    );
    // What is older than a week is materialised, the rest is computed when asked: the answer must not show the seam.
    for (const level of ['sample_1m', 'sample_1h', 'sample_1d']) {
      await fixture.sql(`call refresh_continuous_aggregate('fieldline.${level}', null, $1::timestamptz)`, [
        isoOf(noon - 7 * dayUs - dayUs / 2),
      ]);
    }
    api = await startTestApi(fixture.url);
  });
  afterAll(async () => {
    await api?.close();
    await fixture?.close();
    await server?.close();
  });

  test.each([
    { maxPoints: 2_000, level: 'sample_1m' },
    { maxPoints: 200, level: 'sample_1h' },
    { maxPoints: 20, level: 'sample_1d' },
  ])(
    'twenty days in $maxPoints points come from the aggregate $level and equal the raw rows',
    async ({ maxPoints, level }) => {
      const path = `/api/v1/history?seriesId=1&from=${noon - 20 * dayUs}&to=${noon}&maxPoints=${maxPoints}`;
      const history = historySchema.parse((await api.get(path)).body);
      if (history.form !== 'summaries') throw new Error('samples');
      expect(history.level).toBe(level);
      const rows = await fixture.sql<{
        us: string;
        mean: number;
        min: number;
        max: number;
        count: string;
        good: string;
      }>(
        `select floor(extract(epoch from time) / $1) * $1 * 1000000 as us, avg(value) as mean, min(value), max(value), count(*), count(*) filter (where quality < 100) as good
       from sample where time < $2 group by 1 order by 1`,
        [history.pointMs / 1_000, history.to],
      );
      expect(history.timeUs).toEqual(rows.map(({ us }) => Number(us)));
      expect(history.min).toEqual(rows.map(({ min }) => min));
      expect(history.max).toEqual(rows.map(({ max }) => max));
      expect(history.count).toEqual(rows.map(({ count }) => Number(count)));
      expect(history.good).toEqual(rows.map(({ good }) => Number(good)));
      for (const [index, { mean }] of rows.entries()) expect(history.mean[index]).toBeCloseTo(mean, 6);
    },
  );

  test('a short range comes from the raw rows', async () => {
    const { body } = await api.get(`/api/v1/history?seriesId=1&from=${noon - 3_600_000_000}&to=${noon}`);
    expect(historySchema.parse(body)).toMatchObject({ form: 'samples', samples: 120 });
  });
});
