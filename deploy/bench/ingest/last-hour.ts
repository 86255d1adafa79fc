/**
 * One series of 10,000, its last hour, out of 36 million rows at 1 s, while the processor stores at half of the rate that it
 * reaches with a backlog in this very run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { timeUsOf } from '../../../cloud-ingest/src/api/history/points.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { quantile } from '../statistics.ts';
import { backlog, largeBatches, rowsPerStep, seriesOf, stepAtOneSecond } from './backlog.ts';
import { withClient } from './database-server.ts';
import { holdProcessor } from './drain.ts';
import { startFeed } from './feeder.ts';
import { loadFleet } from './fleet-rows.ts';
import { rate } from './in-turns.ts';
import { withServers } from './with-servers.ts';
import { openWriter } from './writer.ts';

const micros = 1_000_000;
const hourSeconds = 3_600;
const shape = largeBatches;
const series = seriesOf(shape);
const stepMicros = stepAtOneSecond(shape);
/** As large as the processor makes its transactions when it has a backlog: 200,000 rows. */
const stepsPerTransaction = 10;
const queryEveryMs = 20;

/** As the API asks: to make a Date of each time would take its reader as long as the rest. */
const lastHour = `SELECT ${timeUsOf('time')} AS "timeUs", value, quality, text FROM sample
  WHERE series_id = $1 AND time > $2 AND time <= $3 ORDER BY time`;
const newestHour = `SELECT (time - INTERVAL '1 hour')::text AS "from", time::text AS "to" FROM latest WHERE series_id = $1`;

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale, kafka, broker, add }) => {
    const { root, folder, short, say, signal } = context;
    const seconds = short ? 600 : hourSeconds;
    const server = await timescale();
    const { config } = await server.migrated();
    // What follows must not lie too far ahead of the clock.
    const fromMicros = Math.floor(Date.now() / 1_000 - seconds - 1_800) * micros;
    const writer = await openWriter(config);
    add('writer', writer.close);
    const loadSteps = (seconds * series) / rowsPerStep(shape);
    const load = { shape, steps: loadSteps, fromMicros, stepMicros, stepsPerTransaction, signal };
    const loadSeconds = await loadFleet(writer, load);
    const loaded = seconds * series;
    say(`${loaded.toLocaleString('en-GB')} rows loaded at ${Math.round(loaded / loadSeconds / 1_000)} k rows/s`);
    const rows = short ? 500_000 : 2_000_000;
    const steps = rows / rowsPerStep(shape);
    const afterLoad = fromMicros + seconds * micros;
    const backbone = await kafka(backlog({ shape, steps, fromMicros: afterLoad, stepMicros }));
    return withClient(config.url, async (client) => {
      const idleMs = await queryFor(client, 2_000);
      const held = await holdProcessor(config, { root, folder, backbone, brokerUrl: await broker() });
      add('processor', held.process.stop);
      const most = rate(await held.drain(rows));
      const feed = await startFeed({
        into: { kind: 'log', config: backbone },
        shape,
        rowsPerSecond: most / 2,
        seconds: short ? 6 : 20,
        times: { fromMicros: afterLoad + steps * stepMicros, stepMicros },
      });
      await sleep(feed.dueMs(0, 0) - Date.now());
      const busyMs: number[] = [];
      let isOver = false;
      const over = feed.done.finally(() => {
        isOver = true;
      });
      while (!isOver) busyMs.push(...(await queryFor(client, 500)));
      await over;
      return [
        {
          name: 'one series of 10,000, its last hour, 95 %',
          value: quantile(busyMs, 0.95),
          unit: 'ms',
          target: { atMost: 50, aim: 10 },
          note: `${loaded.toLocaleString('en-GB')} rows at 1 s in the table, while storing ${Math.round(most / 2_000)} k rows/s`,
        },
        { name: '… median', value: quantile(busyMs, 0.5), unit: 'ms' },
        { name: '… 95 % with nothing stored meanwhile', value: quantile(idleMs, 0.95), unit: 'ms' },
      ];
    });
  });

/** One query after the other for so long, with pauses; how long each took. */
async function queryFor(client: pg.Client, forMs: number): Promise<number[]> {
  const tookMs: number[] = [];
  for (const endMs = performance.now() + forMs; performance.now() < endMs; await sleep(queryEveryMs)) {
    const seriesId = 1 + Math.floor(Math.random() * series);
    const { rows } = await client.query<{ from: string; to: string }>(newestHour, [seriesId]);
    const startedAt = performance.now();
    const { rowCount } = await client.query(lastHour, [seriesId, rows[0]?.from, rows[0]?.to]);
    tookMs.push(performance.now() - startedAt);
    if ((rowCount ?? 0) === 0) throw new Error(`series ${seriesId} has no rows in its last hour`);
  }
  return tookMs;
}

export const lastHourOf: Benchmark = {
  name: 'last-hour',
  what: 'one series of 10,000, its last hour, while storing at half of the maximum rate',
  run,
};
