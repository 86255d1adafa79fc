import { randomUUID } from 'node:crypto';
import { requirePostgres, type TestDatabase } from '@fieldline/shared/testing';
import type { Served } from '@fieldline/simulators';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemsClock } from '../../../fault/edge/clock.ts';
import { type Case, judgeSite, type Verdict } from '../../../fault/edge/evidence.ts';
import type { Line } from '../../../fault/edge/line.ts';
import { opcuaDevice } from '../../../fault/edge/plant.ts';
import { migrated } from '../../migrated.ts';

const startMs = 1_790_000_000_000;
const everyMs = 250;

describe('the verdict over a site', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  const query: Line['query'] = async (sql, values) => (await pool.query(sql, values)).rows;

  beforeAll(async () => {
    database = await (await requirePostgres()).createDatabase();
    migrated(database.url);
    pool = new pg.Pool({ connectionString: database.url, options: '-c search_path=fieldline,public' });
    // A connection that is being closed may still hear that its database is dropped.
    pool.on('error', () => {});
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  type Stored = { readonly value: number; readonly atMs: number };

  /** A device that served 0 to 39, one every 250 ms, and its rows as `change` leaves them. */
  async function judged(
    change: (rows: Stored[]) => Stored[],
    more: Partial<Case> & { device?: string; declared?: readonly [number, number] } = {},
  ): Promise<Verdict> {
    const gateway = randomUUID();
    const { device = 'plc', declared } = more;
    const values = Array.from({ length: 40 }, (_, value) => ({ value, atMs: startMs + value * everyMs }));
    const served = values.map(({ value, atMs }): Served => ({ device, point: 'count', value, time: atMs * 1_000 }));
    const [series] = await query<{ id: number }>(
      "INSERT INTO series (gateway, device, tag, type) VALUES ($1, $2, 'count', 'float64') RETURNING series_id AS id",
      [gateway, device],
    );
    const [stream] = await query<{ no: number }>(
      'INSERT INTO stream (stream, gateway) VALUES ($1, $2) RETURNING stream_no AS no',
      [randomUUID(), gateway],
    );
    for (const { value, atMs } of change(values)) {
      await query(
        'INSERT INTO sample (time, series_id, value, quality, batch) VALUES (to_timestamp($1::float8 / 1000), $2, $3, 0, 1)',
        [atMs, series?.id, value],
      );
    }
    if (declared !== undefined) {
      await query(
        `INSERT INTO declaration (stream_no, seq, kind, from_time, to_time, reason, declared_at)
         VALUES ($1, 1, 'series', to_timestamp($2::float8 / 1000), to_timestamp($3::float8 / 1000), 'restart', now())`,
        [stream?.no, ...declared],
      );
    }
    return judgeSite(
      { databaseUrl: database.url, query },
      { gateway, served, clock: systemsClock, ends: [], starts: [], ...more },
    );
  }

  const without = (from: number, to: number) => (rows: Stored[]) =>
    rows.filter(({ value }) => value < from || value > to);
  const killedAt = (value: number) => ({ ends: [{ atMs: startMs + value * everyMs + 10, how: 'killed' as const }] });

  it('is good where each value served has its row', async () => {
    expect(await judged((rows) => rows)).toMatchObject({ served: 40, rows: 40, declared: 0, atEnds: 0, findings: [] });
  });

  it('sees a value that is in no row, and one that is there twice', async () => {
    expect((await judged(without(17, 17))).findings).toEqual([
      expect.stringContaining('1 values that were served are in no row and not declared: plc/count = 17 at'),
    ]);
    expect((await judged((rows) => [...rows, ...rows.slice(5, 6)])).findings).toEqual([
      expect.stringContaining('1 values are in more than one row: plc/count = 5 2 times'),
    ]);
  });

  it('sees a row of a value that nobody served, and a time that is not that of its value', async () => {
    expect((await judged((rows) => [...rows, { value: 4_711, atMs: startMs }])).findings).toEqual([
      expect.stringContaining('1 rows hold what nobody served: plc/count = 4711'),
    ]);
    const late = (rows: Stored[]) => rows.map((row) => (row.value === 3 ? { ...row, atMs: row.atMs + 3_000 } : row));
    expect((await judged(late)).findings).toEqual([expect.stringContaining('1 rows have a time')]);
  });

  it('allows a time of within the start of an agent, during which it may not see an answer', async () => {
    const late = (rows: Stored[]) => rows.map((row) => (row.value === 3 ? { ...row, atMs: row.atMs + 3_000 } : row));
    const upMs = startMs + 3 * everyMs + 3_500;
    expect(await judged(late, { starts: [{ begunMs: startMs, upMs }] })).toMatchObject({ shifted: 1, findings: [] });
    const before = { starts: [{ begunMs: startMs, upMs: upMs - 1_000 }] };
    expect((await judged(late, before)).findings).toEqual([expect.stringContaining('1 rows have a time')]);
  });

  it('allows what was declared, and no value beside it', async () => {
    const declared = [startMs + 12 * everyMs, startMs + 16 * everyMs] as const;
    expect(await judged(without(11, 17), { declared })).toMatchObject({ declared: 7, findings: [] });
    expect((await judged(without(5, 17), { declared })).findings).toHaveLength(1);
  });

  it('allows what was served within a second of a kill, and none before', async () => {
    expect(await judged(without(17, 20), killedAt(20))).toMatchObject({ atEnds: 4, findings: [] });
    expect((await judged(without(15, 20), killedAt(20))).findings).toEqual([expect.stringContaining('2 values that')]);
  });

  it('expects nothing of an OPC UA server that nobody listens to, but again from the first value on that was heard', async () => {
    const device = opcuaDevice;
    expect(await judged(without(17, 30), { device, ...killedAt(20) })).toMatchObject({ atEnds: 14, findings: [] });
    const holes = (rows: Stored[]) => without(35, 35)(without(17, 30)(rows));
    expect((await judged(holes, { device, ...killedAt(20) })).findings).toHaveLength(1);
  });
});
