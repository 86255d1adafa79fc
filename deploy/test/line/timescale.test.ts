import { describeWith, startAedes, startPostgres, timescale } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { expectAllStored } from './expect-all-stored.ts';
import { type Line, startLine } from './line.ts';

const historySchema = z.object({ level: z.string(), timeUs: z.array(z.number()) });

describeWith(timescale, 'the whole line into TimescaleDB', () => {
  const closers: (() => Promise<void>)[] = [];
  let line: Line;

  beforeAll(async () => {
    const server = await startPostgres({ timescale: true });
    closers.push(server.close);
    const database = await server.createDatabase();
    const broker = await startAedes();
    closers.push(broker.close);
    line = await startLine({ brokerUrl: broker.url, databaseUrl: database.url });
    closers.push(line.close);
    await line.flows(800);
  }, 120_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  it('has a hypertable with columnstore, and aggregates upon aggregates', async () => {
    const [hypertable] = await line.query<{ compression_enabled: boolean }>(
      "SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_schema = 'fieldline' AND hypertable_name = 'sample'",
    );
    expect(hypertable?.compression_enabled).toBe(true);
    const aggregates = await line.query<{ view_name: string }>(
      "SELECT view_name FROM timescaledb_information.continuous_aggregates WHERE view_schema = 'fieldline' ORDER BY 1",
    );
    expect(aggregates.map(({ view_name }) => view_name)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('1d'),
        expect.stringContaining('1h'),
        expect.stringContaining('1m'),
      ]),
    );
  });

  it('has every value served once', async () => {
    await line.settle();
    await expectAllStored(line);
  }, 60_000);

  it('answers the history query from an aggregate where the range is long, and says so', async () => {
    const days = 20;
    await line.query("INSERT INTO fieldline.series (gateway, device, tag, type) VALUES ('long', 'd', 't', 'float64')");
    await line.query(
      `INSERT INTO fieldline.sample (time, series_id, value, quality, batch)
       SELECT at, series_id, extract(epoch FROM at)::int8 % 3600, 0, 0
       FROM fieldline.series, generate_series(date_trunc('day', now()) - $1 * interval '1 day', now(), '1 minute') at
       WHERE gateway = 'long'`,
      [days],
    );
    for (const level of ['1m', '1h', '1d'])
      await line.query(`CALL refresh_continuous_aggregate('fieldline.rollup_${level}', NULL, NULL)`);
    const history = async (from: number, maxPoints: number) => {
      const asked = {
        gateway: 'long',
        device: 'd',
        tag: 't',
        from: new Date(Date.now() - from).toISOString(),
        to: new Date().toISOString(),
        maxPoints: String(maxPoints),
      };
      const answer = await fetch(`http://127.0.0.1:${line.apiPort}/api/v1/history?${new URLSearchParams(asked)}`);
      return historySchema.parse(await answer.json());
    };
    expect((await history(600_000, 1_000)).level).toBe('raw');
    const long = await history((days - 1) * 24 * 3_600_000, 400);
    expect(long.level).toBe('sample_1h');
    expect(long.timeUs.length).toBeGreaterThan(150);
    expect(long.timeUs.length).toBeLessThanOrEqual(400);
  }, 60_000);
});
