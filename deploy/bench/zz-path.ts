// scratch: write path by transaction size and rows per series
import pg from 'pg';
import { copyIn } from '../../cloud-ingest/src/store/copy/copy-in.ts';
import { encodeRows, sampleColumns } from '../../cloud-ingest/src/store/copy/encode-rows.ts';
import { rowsOf } from '../../cloud-ingest/src/store/rows.ts';

const c = new pg.Client({ connectionString: 'postgres://postgres@127.0.0.1:5477/lab' });
await c.connect();
const q = async (s: string) => (await c.query(s)).rows;
const base = Date.parse('2026-11-20T00:00:00Z') * 1000;
function txn(rowsN: number, per: number, n: number) {
  const series = rowsN / per;
  const src: any = {
    streamNo: 1,
    seq: n + 1,
    time: [],
    value: [],
    quality: new Array(rowsN).fill(0),
    tagIndex: [],
    seriesIds: Array.from({ length: series }, (_, i) => i + 1),
  };
  for (let s = 0; s < series; s++)
    for (let k = 0; k < per; k++) {
      src.tagIndex.push(s);
      src.time.push(base + (n * per + k) * 1e6 + s);
      src.value.push(Math.round(2000 + 500 * Math.sin((n * per + k) / 600 + s)) / 10);
    }
  const rows = rowsOf([src]);
  const source = encodeRows(
    rows,
    Uint32Array.from({ length: rowsN }, (_, i) => i),
    0,
    rowsN,
  );
  const out: Buffer[] = [];
  for (let m = source(); m; m = source()) out.push(Buffer.from(m));
  return out;
}
const kinds: Record<string, { ix: string; direct: boolean }> = {
  brin: { ix: 'USING brin (series_id, time) WITH (pages_per_range = 2, autosummarize = on)', direct: false },
  btree: { ix: '(series_id, time)', direct: false },
  direct: { ix: '(series_id, time)', direct: true },
};
const total = Number(process.env.TOTAL ?? 2_000_000);
for (const [rowsN, per] of (
  process.env.CASES ?? '1000x1,1000x8,1000x100,10000x1,10000x4,10000x8,10000x32,100000x2,100000x4,100000x8,100000x16'
)
  .split(',')
  .map((x) => x.split('x').map(Number) as [number, number])) {
  const line: string[] = [];
  for (const [name, k] of Object.entries(kinds)) {
    if (process.env.KINDS && !process.env.KINDS.includes(name)) continue;
    await q('DROP TABLE IF EXISTS s');
    await q(
      'CREATE TABLE s (time timestamptz NOT NULL, value float8, batch int8 NOT NULL, series_id int4 NOT NULL, quality int2 NOT NULL, text text)',
    );
    await q(`SELECT create_hypertable('s', by_range('time', INTERVAL '1 day'), create_default_indexes => false)`);
    await q(`CREATE INDEX s_st ON s ${k.ix}`);
    await q(
      `ALTER TABLE s SET (timescaledb.enable_columnstore, timescaledb.segmentby='', timescaledb.orderby='series_id, time', timescaledb.sparse_index='')`,
    );
    await q('CHECKPOINT');
    let ms = 0,
      n = 0,
      worst = 0;
    const want = Math.min(total, rowsN * (rowsN <= 1000 ? 600 : 200));
    for (let done = 0; done < want; done += rowsN, n++) {
      const m = txn(rowsN, per, n);
      let i = 0;
      const t = performance.now();
      await q('BEGIN');
      await q(
        `SELECT set_config(name, case when name ~ 'auto_segmentby' then 'off' else '${k.direct ? 'on' : 'off'}' end, true) FROM pg_settings WHERE name IN ('timescaledb.enable_direct_compress_copy', 'timescaledb.enable_direct_compress_auto_segmentby')`,
      );
      await copyIn(c, `COPY s (${sampleColumns}) FROM STDIN (FORMAT binary)`, () => m[i++] ?? null);
      await q('COMMIT');
      const d = performance.now() - t;
      ms += d;
      worst = Math.max(worst, d);
    }
    await q('ANALYZE s');
    const reads: number[] = [];
    let got = 0;
    for (let i = 0; i < 40; i++) {
      const s = 1 + Math.floor((Math.random() * rowsN) / per);
      const t = performance.now();
      const r = await c.query(
        'SELECT time, value, quality, text FROM s WHERE series_id = $1 AND time >= $2 ORDER BY time',
        [s, new Date(base / 1000)],
      );
      got = r.rows.length;
      reads.push(performance.now() - t);
    }
    reads.sort((a, b) => a - b);
    line.push(
      `${name} ${Math.round(want / ms)}k/s txn ${(ms / n).toFixed(1)}ms read p50 ${reads[20]!.toFixed(1)} (${got} rows, ${n} txns)`,
    );
  }
  console.log(`${rowsN}x${per}`.padEnd(12), line.join(' | '));
}
await c.end();
