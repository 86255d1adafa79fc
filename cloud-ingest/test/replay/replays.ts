/** Replays of a line's database, and what must be true of any database after one. */
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { expect } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.ts';
import type { PlanPart } from '../../src/replay/plan.ts';
import { planReplay, type ReplayParts, runReplay } from '../../src/replay/replay.ts';
import type { Tally } from '../../src/replay/tally.ts';
import { openStore, type Store } from '../../src/store/connection.ts';
import { editionOfSchema } from '../../src/store/migrate.ts';
import type { Line } from '../processor/line.ts';

export const always = { by: 'sample', from: 0, to: 8e15, gateway: null } as const;

export type Replayed = { readonly plan: readonly PlanPart[]; readonly tally: Tally };

/** All that there is, at full speed, unless told otherwise. */
export async function replay(
  line: Pick<Line, 'config' | 'backbone'>,
  change: Partial<ReplayParts> & { readonly backbone?: Backbone } = {},
): Promise<Replayed> {
  const { database, processor } = line.config;
  const store: Store = openStore(database, 'fieldline-replay', 3);
  try {
    const parts: ReplayParts = {
      store,
      edition: await store.withSession((session) => editionOfSchema(session, database.schema)),
      backbone: line.backbone,
      topic: backboneTopics.raw,
      database,
      processor,
      filter: always,
      device: null,
      samplesPerSecond: 1e9,
      clock: systemClock,
      log: silentLog,
      onProgress: () => {},
      signal: new AbortController().signal,
      ...change,
    };
    const plan = await planReplay(parts);
    return { plan: plan.parts, tally: await runReplay(parts, plan) };
  } finally {
    await store.close();
  }
}

type Levels = { readonly bucket: Date; readonly series_id: number; readonly count: bigint; readonly sum: string };

/** What no replay may break: no row twice, counts as the rows are, latest values and aggregates as computed from the rows. */
export async function expectConsistent(query: Line['query']): Promise<void> {
  expect(
    await query('SELECT series_id, time, batch FROM sample GROUP BY 1, 2, 3 HAVING count(*) > 1'),
    'rows that are there twice',
  ).toEqual([]);
  expect(
    await query(
      `SELECT batch_log.batch, stored, count(sample.batch) AS rows FROM batch_log LEFT JOIN sample USING (batch)
       GROUP BY 1, 2 HAVING stored <> count(sample.batch)`,
    ),
    'batches with other counts than the log says',
  ).toEqual([]);
  expect(
    await query(
      `SELECT stream_no, stream.stored, stream.rejected FROM stream LEFT JOIN batch_log ON batch >> 32 = stream_no GROUP BY 1
       HAVING stream.stored <> coalesce(sum(batch_log.stored), 0) OR stream.rejected <> coalesce(sum(batch_log.rejected), 0)`,
    ),
    'streams with other counts than their batches',
  ).toEqual([]);
  expect(
    await query(
      `SELECT latest.series_id FROM latest LEFT JOIN sample ON (sample.series_id, sample.time, sample.batch) = (latest.series_id, latest.time, latest.batch)
       WHERE (sample.value, sample.text, sample.quality) IS DISTINCT FROM (latest.value, latest.text, latest.quality)
         OR latest.time < (SELECT max(time) FROM sample WHERE sample.series_id = latest.series_id)`,
    ),
    'latest values that are not the newest rows',
  ).toEqual([]);
  for (const [level, width] of [
    ['sample_1m', 'minute'],
    ['sample_1h', 'hour'],
    ['sample_1d', 'day'],
  ]) {
    const columns = 'bucket, series_id, count, round(sum::numeric, 6)::text AS sum, min, max';
    expect(await query<Levels>(`SELECT ${columns} FROM ${level} ORDER BY 1, 2`), `${level} against the rows`).toEqual(
      await query<Levels>(
        `SELECT date_trunc('${width}', time) AS bucket, series_id, count(*) AS count, round(sum(value)::numeric, 6)::text AS sum, min(value) AS min, max(value) AS max
         FROM sample GROUP BY 1, 2 ORDER BY 1, 2`,
      ),
    );
  }
}
