/**
 * From MQTT publish to the moment at which another connection sees the rows, at half of the rate that the processor reaches with
 * a backlog in this very run: broker, bridge, Kafka, processor and database, all on this machine.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { quantile } from '../statistics.ts';
import { backlog, gatewayName, largeBatches, untilNow } from './backlog.ts';
import { holdProcessor } from './drain.ts';
import { type Feed, startFeed } from './feeder.ts';
import { rate } from './in-turns.ts';
import { startIngest } from './ingest-process.ts';
import { withServers } from './with-servers.ts';

/** Not counted: the first transactions after a pause. */
const warmUpSeconds = 3;
const settleMs = 30_000;

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale, kafka, mosquitto, add }) => {
    const { root, folder, short, say } = context;
    const rows = short ? 1_000_000 : 2_000_000;
    const server = await timescale();
    const { config } = await server.migrated();
    const backbone = await kafka(backlog(untilNow(largeBatches, rows)));
    const brokerUrl = await mosquitto({});
    const held = await holdProcessor(config, { root, folder, backbone, brokerUrl });
    add('processor', held.process.stop);
    const most = rate(await held.drain(rows));
    const settings = { mqtt: { broker: brokerUrl }, backbone, database: { url: config.url } };
    const bridge = await startIngest({ root, folder, role: 'bridge', settings });
    add('bridge', bridge.stop);
    while ((await bridge.metric('fieldline_bridge_sessions_total').catch(() => 0)) === 0) await sleep(100);
    const rowsPerSecond = most / 2;
    const before = await lastStream(config.url);
    const feed = await startFeed({
      into: { kind: 'mqtt', url: brokerUrl },
      shape: largeBatches,
      rowsPerSecond,
      seconds: short ? 8 : 23,
      times: null,
    });
    say(`at most ${Math.round(most / 1_000)} k rows/s; publishing at half of it`);
    const delaysMs = await observe(config.url, feed, before);
    const { batches, lateMs } = await feed.done;
    if (lateMs > 1_000) say(`the publisher itself was ${Math.round(lateMs)} ms behind`);
    return [
      {
        name: 'published → queryable, 99 %',
        value: quantile(delaysMs, 0.99) / 1_000,
        unit: 's',
        target: { atMost: 1, aim: 0.3 },
        note: `at ${Math.round(rowsPerSecond / 1_000)} k rows/s in ${batches.toLocaleString('en-GB')} batches of 1,000, half of the most`,
      },
      { name: '… median', value: quantile(delaysMs, 0.5) / 1_000, unit: 's' },
    ];
  });

async function lastStream(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ last: number | null }>('SELECT max(stream_no) AS last FROM fieldline.stream');
  await client.end();
  return rows[0]?.last ?? 0;
}

/** Of each batch of the feed, from when it was due to be published until a query has shown it. */
async function observe(url: string, feed: Feed, afterStream: number): Promise<number[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const seen = new Map<string, number>();
  const delaysMs: number[] = [];
  const fromMs = feed.dueMs(0, 0) + warmUpSeconds * 1_000;
  const gateways = Array.from({ length: largeBatches.gateways }, (_, index) => gatewayName(index));
  const isOver = (): boolean => gateways.every((gateway) => (seen.get(gateway) ?? 0) >= feed.steps);
  const look = async (): Promise<void> => {
    const { rows } = await client.query<{ gateway: string; last: number }>(
      'SELECT gateway, last_seq::int4 AS last FROM fieldline.stream WHERE stream_no > $1',
      [afterStream],
    );
    const nowMs = Date.now();
    for (const { gateway, last } of rows) {
      for (let step = seen.get(gateway) ?? 0; step < last; step++) {
        const dueMs = feed.dueMs(gateways.indexOf(gateway), step);
        if (dueMs >= fromMs) delaysMs.push(nowMs - dueMs);
      }
      seen.set(gateway, last);
    }
  };
  const commits = Promise.withResolvers<void>();
  let notified = commits;
  client.on('notification', () => notified.resolve());
  await client.query('LISTEN fieldline_commit');
  const deadline = feed.dueMs(0, feed.steps) + settleMs;
  while (!isOver()) {
    if (Date.now() > deadline) throw new Error('not all batches could be queried in the end');
    await Promise.race([notified.promise, sleep(1_000)]);
    notified = Promise.withResolvers<void>();
    await look();
  }
  await client.end();
  return delaysMs;
}

export const latency: Benchmark = {
  name: 'latency',
  what: 'MQTT publish to queryable row, at half of the maximum rate',
  run,
};
