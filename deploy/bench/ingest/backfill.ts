/**
 * Backfill of 100 series: straight to the columnstore by the write path of the processor, against what is done elsewhere to be
 * safe from doubles: INSERT … ON CONFLICT DO NOTHING into a hypertable with a unique index.
 */
import type pg from 'pg';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { type FleetShape, readingOf, rowsPerStep, seriesOf } from './backlog.ts';
import { type BenchServer, withClient } from './database-server.ts';
import { loadFleet } from './fleet-rows.ts';
import { inTurns, medianRate, medianRatio, roundsOf, type Timed } from './in-turns.ts';
import { withServers } from './with-servers.ts';
import { openWriter } from './writer.ts';

const shape: FleetShape = { gateways: 1, tagsPerGateway: 100, readsPerBatch: 10 };
const series = seriesOf(shape);
const everyMicros = 1_000_000;
/** Of 1,000 rows each, as large as the processor makes a transaction. */
const stepsPerTransaction = 200;
/** Of one INSERT: where it is quickest. */
const rowsPerInsert = 10_000;

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale }) => {
    const { short, signal } = context;
    const rounds = roundsOf(context);
    const [rows, rivalRows] = short ? [600_000, 150_000] : [3_000_000, 600_000];
    const fromMicros = Math.floor(Date.now() / 86_400_000 - 3) * 86_400_000_000;
    const server = await timescale();
    const statements = insertsOf(rivalRows, fromMicros);
    const direct: Backfilled[] = [];
    const inserted: Timed[] = [];
    await inTurns(context, rounds, [
      async () => direct.push(await backfill(server, rows, fromMicros, signal)),
      async () => inserted.push(await insertAll(server, statements, rivalRows)),
    ]);
    return [
      {
        name: 'direct to columnstore / INSERT … ON CONFLICT',
        value: medianRatio(direct, inserted),
        unit: '',
        target: { atLeast: 6, aim: 7 },
        note: `median of ${rounds}; backfill of ${series} series`,
      },
      {
        name: '… direct to columnstore',
        value: medianRate(direct) / 1_000,
        unit: 'k rows/s',
        note: `encoding included; ${Math.round(100 * Math.min(...direct.map(({ directShare }) => directShare)))} % of the rows went that way`,
      },
      {
        name: '… INSERT … ON CONFLICT DO NOTHING',
        value: medianRate(inserted) / 1_000,
        unit: 'k rows/s',
        note: `unnest of ${rowsPerInsert.toLocaleString('en-GB')} rows, encoded before, unique (series_id, time)`,
      },
    ];
  });

type Backfilled = Timed & { readonly directShare: number };

async function backfill(
  server: BenchServer,
  rows: number,
  fromMicros: number,
  signal: AbortSignal,
): Promise<Backfilled> {
  const database = await server.migrated();
  const writer = await openWriter(database.config);
  try {
    const stepMicros = shape.readsPerBatch * everyMicros;
    const steps = rows / rowsPerStep(shape);
    const seconds = await loadFleet(writer, { shape, steps, fromMicros, stepMicros, stepsPerTransaction, signal });
    return { rows, seconds, directShare: writer.directShare() };
  } finally {
    await writer.close();
    await database.drop();
  }
}

type Columns = readonly string[];

/** The parameters of each INSERT, as array literals. */
function insertsOf(rows: number, fromMicros: number): Columns[] {
  const literal = (count: number, element: (row: number) => number): string =>
    `{${Array.from({ length: count }, (_, row) => element(row)).join(',')}}`;
  return Array.from({ length: rows / rowsPerInsert }, (_, statement) => {
    const readOf = (row: number): number => Math.floor((statement * rowsPerInsert + row) / series);
    return [
      literal(rowsPerInsert, (row) => fromMicros + readOf(row) * everyMicros + (row % series) * 100),
      literal(rowsPerInsert, (row) => readingOf(row % series, readOf(row))),
      literal(rowsPerInsert, (row) => 2 ** 32 + readOf(row)),
      literal(rowsPerInsert, (row) => 1 + (row % series)),
      literal(rowsPerInsert, () => 0),
    ];
  });
}

const insert = `INSERT INTO rival (time, value, batch, series_id, quality)
  SELECT TIMESTAMPTZ 'epoch' + micros * INTERVAL '1 microsecond', value, batch, series_id, quality
  FROM unnest($1::int8[], $2::float8[], $3::int8[], $4::int4[], $5::int2[]) AS row (micros, value, batch, series_id, quality)
  ON CONFLICT DO NOTHING`;

async function insertAll(server: BenchServer, statements: readonly Columns[], rows: number): Promise<Timed> {
  const database = await server.migrated();
  try {
    return await withClient(database.config.url, async (client) => {
      await makeRival(client);
      const startedAt = performance.now();
      for (const columns of statements) await client.query(insert, [...columns]);
      return { rows, seconds: (performance.now() - startedAt) / 1_000 };
    });
  } finally {
    await database.drop();
  }
}

async function makeRival(client: pg.Client): Promise<void> {
  await client.query('CREATE TABLE rival (LIKE sample)');
  await client.query(
    `SELECT create_hypertable('rival', by_range('time', INTERVAL '1 day'), create_default_indexes => false)`,
  );
  await client.query('CREATE UNIQUE INDEX ON rival (series_id, time)');
}

export const backfillOf: Benchmark = {
  name: 'backfill',
  what: 'direct to columnstore against INSERT … ON CONFLICT, 100 series',
  run,
};
