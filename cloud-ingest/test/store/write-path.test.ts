import { silentLog } from '@fieldline/shared/runtime';
import { describeWith } from '@fieldline/shared/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openStore, type Store } from '../../src/store/connection.ts';
import { migrate } from '../../src/store/migrate.ts';
import { orderBySeries, type RowSource, type Rows, rowsOf } from '../../src/store/rows.ts';
import { leastRows, leastRowsPerSeries, pathFor } from '../../src/store/write-path.ts';
import { writeSamples } from '../../src/store/write-samples.ts';
import { configFor, queryOf, servers } from '../processor/line.ts';
import { openTables, type Tables } from './open-tables.ts';

const dayMicros = 24 * 3_600_000_000;
const noon = Math.floor(Date.now() / 86_400_000) * dayMicros + dayMicros / 2;

/** Tag after tag, `each` rows of every one, a second apart. */
function sourceOf({
  series,
  each,
  from = noon,
  seq = 1,
}: {
  series: number;
  each: number;
  from?: number;
  seq?: number;
}) {
  const rows = Array.from({ length: series * each }, (_, n) => n);
  return {
    streamNo: 1,
    seq,
    time: rows.map((n) => from + Math.floor(n / series) * 1_000_000),
    value: rows.map((n) => n),
    quality: rows.map(() => 0),
    tagIndex: rows.map((n) => n % series),
    seriesIds: Array.from({ length: series }, (_, n) => series - n),
  } satisfies RowSource;
}

const pathOf = (rows: Rows) => pathFor(rows, orderBySeries(rows));

describe('the path of rows', () => {
  test('leads to the columnstore from enough rows of each series on', () => {
    const series = leastRows / leastRowsPerSeries;
    expect(pathOf(rowsOf([sourceOf({ series, each: leastRowsPerSeries })]))).toBe('columnstore');
    expect(pathOf(rowsOf([sourceOf({ series: series + 1, each: leastRowsPerSeries - 1 })]))).toBe('rowstore');
    expect(pathOf(rowsOf([sourceOf({ series: leastRows, each: leastRowsPerSeries - 1 })]))).toBe('rowstore');
  });

  test('leads to the rowstore for a transaction that is small, however few series it has', () => {
    expect(pathOf(rowsOf([sourceOf({ series: 1, each: leastRows - 1 })]))).toBe('rowstore');
    expect(pathOf(rowsOf([sourceOf({ series: 1, each: leastRows })]))).toBe('columnstore');
    expect(pathOf(rowsOf([]))).toBe('rowstore');
  });
});

describe('the order of rows', () => {
  test('is by series, then by time, then as they came', () => {
    const time = [5, 3, 4, 3, 1, 2, 2, 2].map((second) => noon + second);
    const rows = rowsOf([
      { ...sourceOf({ series: 2, each: 4 }), time },
      { ...sourceOf({ series: 1, each: 1, seq: 2 }), time: [noon + 3] },
    ]);
    const at = [...orderBySeries(rows)].map((row) => [rows.seriesIds[rows.slot[row] as number], row]);
    expect(at).toEqual([
      [1, 5],
      [1, 7],
      [1, 1],
      [1, 3],
      [1, 8],
      [2, 4],
      [2, 6],
      [2, 2],
      [2, 0],
    ]);
  });
});

for (const { name, requirement, open } of servers) {
  describeWith(requirement, `rows that may go straight to the columnstore, on ${name}`, () => {
    let close: () => Promise<void>;
    let store: Store;
    let query: Tables['query'];
    beforeAll(async () => {
      ({ store, query, close } = await openTables(await open()));
    });
    afterAll(() => close());
    beforeEach(() => query('TRUNCATE sample'));

    const many = name === 'TimescaleDB' ? 'columnstore' : 'rowstore';
    const write = async (...sources: readonly RowSource[]) =>
      (await store.inTransaction((session) => writeSamples(session, rowsOf(sources)))).taken;
    const sums = () =>
      query(
        'SELECT count(*)::int AS rows, sum(value) AS sum, count(DISTINCT (series_id, time))::int AS times FROM sample',
      );

    test('take the path that suits each transaction, and are all there whichever it was', async () => {
      expect(await write(sourceOf({ series: 100, each: 100 }))).toEqual([{ path: many, late: false, rows: 10_000 }]);
      expect(await write(sourceOf({ series: 100, each: 1, from: noon + 200_000_000 }))).toEqual([
        { path: 'rowstore', late: false, rows: 100 },
      ]);
      expect(await write(sourceOf({ series: 100, each: 50, from: noon + 300_000_000 }))).toEqual([
        { path: many, late: false, rows: 5_000 },
      ]);
      expect(await sums()).toEqual([{ rows: 15_100, sum: 9_999 * 5_000 + 99 * 50 + 4_999 * 2_500, times: 15_100 }]);
      const one = await query('SELECT value, time FROM sample WHERE series_id = 100 ORDER BY time');
      expect(one.map(({ value }) => value)).toEqual([
        ...Array.from({ length: 100 }, (_, n) => n * 100),
        0,
        ...Array.from({ length: 50 }, (_, n) => n * 100),
      ]);
    });

    test('leave late ones apart: a few of them do not take the others off their path', async () => {
      const late = noon - 10 * dayMicros;
      const [newest, few] = await write(
        sourceOf({ series: 50, each: 200 }),
        sourceOf({ series: 50, each: 2, from: late, seq: 2 }),
      );
      const expected = [
        { path: many, late: false, rows: 10_000 },
        { path: 'rowstore', late: true, rows: 100 },
      ];
      const together = [{ path: 'rowstore', late: false, rows: 10_100 }];
      expect([newest, few].filter((part) => part !== undefined)).toEqual(many === 'columnstore' ? expected : together);
      expect(await sums()).toEqual([{ rows: 10_100, sum: 9_999 * 5_000 + 99 * 50, times: 10_100 }]);
    });

    test('go the fast way on a backfill too', async () => {
      const from = noon - 20 * dayMicros;
      const taken = await write(sourceOf({ series: 5, each: 2_000, from }), sourceOf({ series: 1, each: 1, seq: 2 }));
      expect(taken).toEqual(
        many === 'columnstore'
          ? [
              { path: 'rowstore', late: false, rows: 1 },
              { path: 'columnstore', late: true, rows: 10_000 },
            ]
          : [{ path: 'rowstore', late: false, rows: 10_001 }],
      );
    });

    test('may come in any order of time, from transactions side by side', async () => {
      const shuffled = (from: number, seq: number): RowSource => {
        const source = sourceOf({ series: 40, each: 250, from, seq });
        const time = source.time.map((_, n) => from + ((Math.floor(n / 40) * 7) % 250) * 1_000_000);
        return { ...source, time };
      };
      await Promise.all([write(shuffled(noon, 1)), write(shuffled(noon + 500_000, 2))]);
      await write(shuffled(noon + 250_000, 3));
      for (const order of ['ASC', 'DESC'] as const) {
        const rows = await query<{ time: Date }>(`SELECT time FROM sample WHERE series_id = 7 ORDER BY time ${order}`);
        const times = rows.map(({ time }) => time.getTime());
        expect(times).toHaveLength(750);
        expect(times).toEqual([...times].sort((a, b) => (order === 'ASC' ? a - b : b - a)));
      }
      const [newest] = await query('SELECT series_id, time FROM sample ORDER BY series_id DESC, time DESC LIMIT 1');
      expect(newest).toEqual({ series_id: 40, time: new Date((noon + 249_500_000) / 1_000) });
    });

    test('are rows like any other when a setting of the transaction before is looked for', async () => {
      await store.inTransaction(async (session) => {
        await writeSamples(session, rowsOf([sourceOf({ series: 10, each: 1_000 })]));
        const [row] = await session.query<{ direct: string | null }>(
          `SELECT current_setting('timescaledb.enable_direct_compress_copy', true) AS direct`,
        );
        expect(row?.direct ?? 'off').toBe('off');
      });
    });
  });
}

describeWith(servers[1].requirement, 'chunks of the columnstore', () => {
  test('are merged by their policy, whatever way their rows came, and lose none', async () => {
    const server = await servers[1].open();
    const database = await server.createDatabase();
    const { database: config } = configFor(database.url, '/nowhere');
    await migrate(config, silentLog);
    const query = queryOf(database.url);
    const store = openStore(config, 'test');
    const [job] = await query<{ job_id: number }>(
      `SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'`,
    );
    // Its scheduler would start it at once, amid the writing.
    await query(`SELECT alter_job(${job?.job_id}, scheduled => false)`);
    const from = noon - 5 * dayMicros;
    const write = (source: RowSource) => store.inTransaction((session) => writeSamples(session, rowsOf([source])));
    for (let n = 0; n < 10; n++)
      await write(sourceOf({ series: 100, each: 60, from: from + n * 60_000_000, seq: n + 1 }));
    await write(sourceOf({ series: 100, each: 7, from: from + 600_000_000, seq: 11 }));
    const batches = async () => {
      const [chunk] = await query<{ name: string }>(
        `SELECT format('%I.%I', c.schema_name, c.table_name) AS name FROM _timescaledb_catalog.chunk AS c JOIN _timescaledb_catalog.hypertable AS h
         ON h.compressed_hypertable_id = c.hypertable_id WHERE h.table_name = 'sample'`,
      );
      return (await query(`SELECT count(*)::int AS n, max(_ts_meta_count) AS most FROM ${chunk?.name}`))[0];
    };
    const status = async () =>
      (
        await query<{ status: number }>(
          `SELECT c.status FROM _timescaledb_catalog.chunk AS c JOIN _timescaledb_catalog.hypertable AS h ON h.id = c.hypertable_id WHERE h.table_name = 'sample'`,
        )
      ).map((row) => row.status);
    const before = await query(
      'SELECT series_id, count(*)::int AS n, sum(value) AS sum FROM sample GROUP BY 1 ORDER BY 1',
    );
    expect(await batches()).toEqual({ n: 60, most: 1_000 });
    for (let round = 0; round < 2; round++) await query(`CALL run_job(${job?.job_id})`);
    expect(await status()).toEqual([1]);
    expect(await batches()).toEqual({ n: 7, most: 10_000 });
    expect(
      await query('SELECT series_id, count(*)::int AS n, sum(value) AS sum FROM sample GROUP BY 1 ORDER BY 1'),
    ).toEqual(before);
    await store.close();
    await database.drop();
  });
});
