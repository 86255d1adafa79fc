/**
 * The database is away while records come at a third of what the processor can do: its memory stays bounded, nothing becomes a
 * dead letter, and it catches up beside what still comes. All buffers are full within seconds, so an outage of half a minute
 * shows what one of ten minutes does: the time to catch up is told as a share of the outage.
 */
import { backboneTopics } from '@fieldline/shared/contracts';
import { pause, silentLog, systemClock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing/wait-for';
import type { Backbone, NewRecord } from '../../../cloud-ingest/src/backbone/backbone.ts';
import { openBackbone } from '../../../cloud-ingest/src/backbone/open-backbone.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { type BacklogOptions, backlog, largeBatches, rowsPerBatch, rowsPerStep, untilNow } from './backlog.ts';
import { withClient } from './database-server.ts';
import { holdProcessor } from './drain.ts';
import { rate } from './in-turns.ts';
import { withServers } from './with-servers.ts';

const shareOfMaximum = 1 / 3;
const beforeSeconds = 5;
/** 7 of 10 minutes. */
const mostShareToCatchUp = 0.7;
const mostMegabytes = 300;
/** So much behind is not behind any more. */
const levelSeconds = 1;

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale, kafka, broker, add }) => {
    const outageSeconds = context.short ? 10 : 30;
    const warmUpRows = context.short ? 1_000_000 : 2_000_000;
    const server = await timescale();
    const config = await kafka(backlog(untilNow(largeBatches, warmUpRows)));
    const backbone = await openBackbone(config, systemClock, silentLog);
    add('backbone', backbone.close);
    const database = await server.migrated();
    const held = await holdProcessor(database.config, {
      root: context.root,
      folder: context.folder,
      backbone: config,
      brokerUrl: await broker(),
    });
    try {
      const most = rate(await held.drain(warmUpRows));
      const rowsPerSecond = most * shareOfMaximum;
      const seconds = beforeSeconds + outageSeconds * (1 + 2 * mostShareToCatchUp);
      const records = [...backlog(atRate(rowsPerSecond, seconds))];
      context.say(`${Math.round(most / 1_000)} k rows/s at most; ${Math.round(rowsPerSecond / 1_000)} k rows/s come`);
      const feed = startFeed(backbone, records, rowsPerSecond, context.signal);
      const stored = async (): Promise<number> =>
        (await held.process.metric('fieldline_processor_samples_stored_total')) - warmUpRows;
      const level = async (): Promise<boolean> => feed.fed() - (await stored()) <= rowsPerSecond * levelSeconds;
      await pause(beforeSeconds * 1_000, context.signal);
      await waitFor(level, {
        timeoutMs: 1_000 * (beforeSeconds + outageSeconds),
        what: 'the processor to keep up before the outage',
      });
      await server.stop();
      await pause(outageSeconds * 1_000, context.signal);
      const behind = feed.fed() - (await stored());
      await server.start();
      const startedAt = performance.now();
      await waitFor(level, { timeoutMs: 1_000 * (10 * outageSeconds), what: 'the processor to catch up' });
      const caughtUp = (performance.now() - startedAt) / 1_000;
      feed.stop();
      await feed.done;
      await waitFor(async () => (await stored()) >= feed.fed(), {
        timeoutMs: 1_000 * 60,
        what: 'every row to be stored',
      });
      const [counts] = await withClient(database.config.url, async (client) => {
        const { rows } = await client.query<{ rows: number; letters: number }>(
          'SELECT (SELECT count(*) FROM sample)::float8 AS rows, (SELECT count(*) FROM dead_letter)::float8 AS letters',
        );
        return rows;
      });
      return [
        {
          name: 'database away: most memory of the processor',
          value: held.process.mostBytes() / 1e6,
          unit: 'MB',
          target: { atMost: mostMegabytes },
          note: `${outageSeconds} s at ${Math.round(rowsPerSecond / 1_000)} k rows/s, ${(behind / 1e6).toFixed(1)} M rows behind`,
        },
        {
          name: '… time to catch up / outage',
          value: caughtUp / outageSeconds,
          unit: '',
          target: { atMost: mostShareToCatchUp },
          note: 'beside the same load',
        },
        { name: '… dead letters', value: counts?.letters ?? Number.NaN, unit: '', target: { atMost: 0 } },
        {
          name: '… rows missing or doubled',
          value: Math.abs((counts?.rows ?? Number.NaN) - warmUpRows - feed.fed()),
          unit: '',
          target: { atMost: 0 },
        },
      ];
    } finally {
      await held.process.stop();
    }
  });

/** From now on, as fast as they come. */
function atRate(rowsPerSecond: number, seconds: number): BacklogOptions {
  const stepMicros = Math.round((1e6 * rowsPerStep(largeBatches)) / rowsPerSecond);
  return {
    shape: largeBatches,
    steps: Math.ceil((seconds * 1e6) / stepMicros),
    fromMicros: Date.now() * 1_000,
    stepMicros,
  };
}

type Feed = { readonly fed: () => number; readonly stop: () => void; readonly done: Promise<void> };

/** Appends the records in time until they end, or until it is stopped. */
function startFeed(
  backbone: Backbone,
  records: readonly NewRecord[],
  rowsPerSecond: number,
  signal: AbortSignal,
): Feed {
  const startedAt = performance.now();
  const stop = new AbortController();
  const ended = AbortSignal.any([stop.signal, signal]);
  let appended = 0;
  async function feed(): Promise<void> {
    while (appended < records.length && !ended.aborted) {
      const due = Math.floor(((performance.now() - startedAt) * rowsPerSecond) / 1_000 / rowsPerBatch(largeBatches));
      const some = records.slice(appended, due);
      if (some.length > 0) await backbone.append(backboneTopics.raw, some);
      appended += some.length;
      await pause(20);
    }
  }
  return { fed: () => appended * rowsPerBatch(largeBatches), stop: () => stop.abort(), done: feed() };
}

export const outage: Benchmark = {
  name: 'outage',
  what: 'the database stopped under load: memory, dead letters, time to catch up',
  run,
};
