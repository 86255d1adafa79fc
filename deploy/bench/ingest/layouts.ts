/**
 * What the table is laid out like decides how fast it is written, how fast one series is read and what it takes on the disk. All
 * that were tried, so that the table of those not chosen is kept: docs/decisions/sample-index.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { copyIn } from '../../../cloud-ingest/src/store/copy/copy-in.ts';
import { encodeRows, sampleColumns } from '../../../cloud-ingest/src/store/copy/encode-rows.ts';
import { rowsOf } from '../../../cloud-ingest/src/store/rows.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { quantile } from '../statistics.ts';
import { largeBatches, messagesOf, readingOf, seriesOf } from './backlog.ts';
import { type BenchServer, withClient } from './database-server.ts';
import { withServers } from './with-servers.ts';

type Layout = {
  readonly name: string;
  readonly statements: readonly string[];
  /** Of the session that writes. */
  readonly settings: readonly string[];
};

const columnstore = (segmentBy: string, orderBy: string): string =>
  `ALTER TABLE layout SET (timescaledb.enable_columnstore, timescaledb.segmentby = '${segmentBy}', timescaledb.orderby = '${orderBy}')`;
const direct = ['SET timescaledb.enable_direct_compress_copy = on'];

const layouts: readonly Layout[] = [
  { name: 'no index', statements: [], settings: [] },
  {
    name: 'BRIN (series_id, time), 2 pages',
    statements: ['CREATE INDEX ON layout USING brin (series_id, time) WITH (pages_per_range = 2, autosummarize = on)'],
    settings: [],
  },
  { name: 'B-tree (series_id, time)', statements: ['CREATE INDEX ON layout (series_id, time)'], settings: [] },
  { name: 'direct, segmentby series_id', statements: [columnstore('series_id', 'time')], settings: direct },
  { name: 'direct, orderby series_id, time', statements: [columnstore('', 'series_id, time')], settings: direct },
];

const series = seriesOf(largeBatches);
const micros = 1_000_000;
const queryEveryMs = 20;

type Measured = {
  readonly rowsPerSecond: number;
  readonly idleMs: readonly number[];
  readonly busyMs: readonly number[];
  readonly bytesPerRow: number;
};

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale }) => {
    const server = await timescale();
    const figures: Figure[] = [];
    for (const transactionRows of context.short ? [300_000] : [300_000, 30_000]) {
      for (const layout of layouts) {
        if (context.signal.aborted) throw new Error('stopped');
        const measured = await measure(server, layout, transactionRows, context.short);
        figures.push(...figuresOf(layout, transactionRows, measured));
        context.say(`${layout.name}, transactions of ${transactionRows.toLocaleString('en-GB')} rows`);
      }
    }
    return figures;
  });

function figuresOf({ name }: Layout, transactionRows: number, measured: Measured): Figure[] {
  const { rowsPerSecond, idleMs, busyMs, bytesPerRow } = measured;
  const ms = (values: readonly number[]): string => quantile(values, 0.95).toFixed(1);
  return [
    {
      name: `${name}, ${transactionRows / 1_000} k rows at once`,
      value: rowsPerSecond / 1_000,
      unit: 'k rows/s',
      note: `one series' last hour, 95 %: ${ms(idleMs)} ms, ${ms(busyMs)} ms while writing at half speed; ${bytesPerRow.toFixed(1)} bytes a row`,
    },
  ];
}

async function measure(
  server: BenchServer,
  layout: Layout,
  transactionRows: number,
  short: boolean,
): Promise<Measured> {
  const database = await server.migrated();
  const { url } = database.config;
  try {
    return await withClient(url, (writer) =>
      withClient(url, async (reader) => {
        await prepare(writer, layout);
        const rows = short ? 1_500_000 : 4_200_000;
        const steps = transactionRows / series;
        const fromSeconds = Math.floor(Date.now() / 3_600_000) * 3_600 - 3_600;
        let step = 0;
        const transaction = async (): Promise<number> => {
          const messages = rowsAt(fromSeconds, step, steps);
          step += steps;
          return put(writer, messages);
        };
        let writingMs = 0;
        while (step * series < rows) writingMs += await transaction();
        const rowsPerMs = rows / writingMs;
        await reader.query('ANALYZE layout');
        const bytesPerRow = (await bytesOf(reader)) / rows;
        const idleMs = await queryFor(reader, fromSeconds, 1_500);
        const busyMs: number[] = [];
        let isWriting = true;
        const reading = (async () => {
          while (isWriting) busyMs.push(...(await queryFor(reader, fromSeconds, 100)));
        })();
        const everyMs = (2 * transactionRows) / rowsPerMs;
        for (const endMs = performance.now() + (short ? 2_000 : 4_000); performance.now() < endMs; ) {
          const nextMs = performance.now() + everyMs;
          await transaction();
          await sleep(Math.max(0, nextMs - performance.now()));
        }
        isWriting = false;
        await reading;
        return { rowsPerSecond: rowsPerMs * 1_000, idleMs, busyMs, bytesPerRow };
      }),
    );
  } finally {
    await database.drop();
  }
}

async function prepare(client: pg.Client, { statements, settings }: Layout): Promise<void> {
  await client.query('CREATE TABLE layout (LIKE sample)');
  await client.query(
    `SELECT create_hypertable('layout', by_range('time', INTERVAL '1 day'), create_default_indexes => false)`,
  );
  for (const statement of [...statements, ...settings]) await client.query(statement);
}

/** So many steps of the fleet, series by series, ready for a COPY. */
function rowsAt(fromSeconds: number, firstStep: number, steps: number): Buffer[] {
  const count = series * steps;
  const place = (row: number): { index: number; step: number } => ({
    index: Math.floor(row / steps),
    step: firstStep + (row % steps),
  });
  const column = <Value>(value: (place: { index: number; step: number }) => Value): Value[] =>
    Array.from({ length: count }, (_, row) => value(place(row)));
  const rows = rowsOf([
    {
      streamNo: 1,
      seq: firstStep + 1,
      time: column(({ index, step }) => (fromSeconds + step) * micros + (index % 1_000) * 100),
      value: column(({ index, step }) => readingOf(index, step)),
      quality: column(() => 0),
      tagIndex: column(({ index }) => index),
      seriesIds: Array.from({ length: series }, (_, index) => index + 1),
    },
  ]);
  return messagesOf(
    encodeRows(
      rows,
      Uint32Array.from({ length: count }, (_, row) => row),
      0,
      count,
    ),
  );
}

/** How long it took, ms. */
async function put(client: pg.Client, messages: readonly Buffer[]): Promise<number> {
  let next = 0;
  const startedAt = performance.now();
  await copyIn(client, `COPY layout (${sampleColumns}) FROM STDIN (FORMAT binary)`, () => messages[next++] ?? null);
  return performance.now() - startedAt;
}

async function queryFor(client: pg.Client, fromSeconds: number, forMs: number): Promise<number[]> {
  const tookMs: number[] = [];
  for (const endMs = performance.now() + forMs; performance.now() < endMs; await sleep(queryEveryMs)) {
    const startedAt = performance.now();
    await client.query(
      `SELECT time, value, quality, text FROM layout
       WHERE series_id = $1 AND time >= to_timestamp($2) AND time < to_timestamp($2) + INTERVAL '1 hour' ORDER BY time`,
      [1 + Math.floor(Math.random() * series), fromSeconds],
    );
    tookMs.push(performance.now() - startedAt);
  }
  return tookMs;
}

async function bytesOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(`SELECT hypertable_size('layout') AS bytes`);
  return Number(rows[0]?.bytes);
}

export const layoutsOf: Benchmark = {
  name: 'layouts',
  what: 'COPY, single-series read and size of each layout that was tried',
  run,
};
