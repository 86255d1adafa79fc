// scratch: bytes per sample with the plant's signals
import { readFileSync } from 'node:fs';
import { edgeSchema, plantSchema } from '@fieldline/shared/config';
import { plantPoints } from '@fieldline/simulators';
import pg from 'pg';
import { parse } from 'yaml';
import { copyIn } from '../../cloud-ingest/src/store/copy/copy-in.ts';
import { encodeRows, sampleColumns } from '../../cloud-ingest/src/store/copy/encode-rows.ts';
import { orderBySeries, rowsOf } from '../../cloud-ingest/src/store/rows.ts';
import { passes } from '../../edge-agent/src/filter/passes.ts';

const dir = 'deploy/examples/pumping-station';
const plantDoc = parse(readFileSync(`${dir}/plant.yaml`, 'utf8'));
const edge: any = edgeSchema.parse(parse(readFileSync(`${dir}/edge.yaml`, 'utf8')));
const G = Number(process.env.G ?? 4),
  H = Number(process.env.H ?? 3);
const flushMs = 500,
  txnMs = Number(process.env.TXN_S ?? 60) * 1000;
const jitterUs = Number(process.env.JITTER ?? 500);
const t0 = Date.parse('2026-11-20T00:00:00Z');
type P = {
  valueAt: (t: number) => any;
  everyMs: number;
  deadband: any;
  series: number;
  modbus: boolean;
  last?: any;
  dev: string;
};
const gateways: P[][] = [];
let series = 0;
for (let g = 0; g < G; g++) {
  const plant = plantSchema.parse({ ...plantDoc, seed: g + 1 });
  const points = plantPoints(plant, dir);
  const ps: P[] = [];
  for (const d of edge.devices)
    for (const tag of d.tags) {
      const name = tag.node ? tag.node.replace(/.*;s=/, '') : tag.tag;
      const p = points.find((x: any) => x.name === name && (x.device === d.device || d.protocol === 'opcua'));
      if (!p) {
        console.log('no point', d.device, tag.tag);
        continue;
      }
      ps.push({
        valueAt: p.valueAt,
        everyMs: tag.everyMs ?? d.everyMs ?? d.samplingMs ?? 1000,
        deadband:
          tag.deadband === undefined && tag.heartbeatMs === undefined
            ? null
            : { deadband: tag.deadband ?? 0, heartbeatMs: tag.heartbeatMs ?? null },
        series: ++series,
        modbus: d.protocol === 'modbus',
        dev: d.device,
      });
    }
  for (const p of ps)
    if (!p.modbus) {
      p.everyMs = 1000;
      p.deadband ??= { deadband: 0, heartbeatMs: null };
    }
  gateways.push(ps);
}
const txns: Buffer[][] = [];
let total = 0;
const perSeries = new Map<number, number>();
for (let at = t0; at < t0 + H * 3_600_000; at += txnMs) {
  const sources: any[] = [];
  for (const [g, ps] of gateways.entries())
    for (let f = at; f < at + txnMs; f += flushMs) {
      const s: any = {
        streamNo: g + 1,
        seq: (f - t0) / flushMs + 1,
        time: [],
        value: [],
        quality: [],
        tagIndex: [],
        seriesIds: ps.map((p) => p.series),
      };
      const devJit = new Map<string, number>();
      for (const [i, p] of ps.entries()) {
        if (!devJit.has(p.dev)) devJit.set(p.dev, Math.floor(Math.random() * jitterUs));
        const first = Math.ceil((f - t0) / p.everyMs) * p.everyMs;
        for (let k = t0 + first; k < f + flushMs; k += p.everyMs) {
          const time = k * 1000 + (p.modbus ? 700 + (devJit.get(p.dev) as number) : 0);
          const sample: any = { time, value: p.valueAt(time / 1000), quality: 0 };
          if (p.deadband && !passes(p.last, sample, p.deadband)) continue;
          p.last = sample;
          s.time.push(time);
          s.value.push(sample.value);
          s.quality.push(0);
          s.tagIndex.push(i);
          perSeries.set(p.series, (perSeries.get(p.series) ?? 0) + 1);
        }
      }
      sources.push(s);
    }
  const rows = rowsOf(sources);
  total += rows.count;
  const src = encodeRows(rows, orderBySeries(rows), 0, rows.count);
  const out: Buffer[] = [];
  for (let m = src(); m; m = src()) out.push(Buffer.from(m));
  txns.push(out);
}
console.log(
  'series',
  series,
  'rows',
  total,
  'rows/txn',
  Math.round(total / txns.length),
  'per series',
  (total / txns.length / series).toFixed(1),
);
const c = new pg.Client({ connectionString: 'postgres://postgres@127.0.0.1:5477/lab' });
await c.connect();
const q = async (s: string) => (await c.query(s)).rows;
const layouts: [string, string[], boolean][] = [
  [
    'seg series',
    [
      `ALTER TABLE s SET (timescaledb.enable_columnstore, timescaledb.segmentby='series_id', timescaledb.orderby='time')`,
    ],
    true,
  ],
  [
    'seg series row',
    [
      `ALTER TABLE s SET (timescaledb.enable_columnstore, timescaledb.segmentby='series_id', timescaledb.orderby='time')`,
    ],
    false,
  ],
  [
    'ord nosparse direct',
    [
      `ALTER TABLE s SET (timescaledb.enable_columnstore, timescaledb.segmentby='', timescaledb.orderby='series_id, time', timescaledb.sparse_index='')`,
    ],
    true,
  ],
  [
    'ord nosparse row',
    [
      `ALTER TABLE s SET (timescaledb.enable_columnstore, timescaledb.segmentby='', timescaledb.orderby='series_id, time', timescaledb.sparse_index='')`,
    ],
    false,
  ],
  [
    'ord default sparse',
    [
      `ALTER TABLE s SET (timescaledb.enable_columnstore, timescaledb.segmentby='', timescaledb.orderby='series_id, time')`,
    ],
    true,
  ],
];
for (const [name, ddl, direct] of layouts) {
  if (process.argv[2] && !name.includes(process.argv[2])) continue;
  await q('DROP TABLE IF EXISTS s');
  await q(
    'CREATE TABLE s (time timestamptz NOT NULL, value float8, batch int8 NOT NULL, series_id int4 NOT NULL, quality int2 NOT NULL, text text)',
  );
  await q(`SELECT create_hypertable('s', by_range('time', INTERVAL '1 day'), create_default_indexes => false)`);
  await q('CREATE INDEX s_st ON s (series_id, time)');
  for (const d of ddl) await q(d);
  const size = async () =>
    (
      await q(
        `SELECT coalesce(sum(pg_total_relation_size(c.oid)),0)::float8 s FROM pg_class c WHERE relkind='r' AND (oid IN (SELECT show_chunks('s')) OR oid IN (SELECT format('%I.%I',cc.schema_name,cc.table_name)::regclass FROM _timescaledb_catalog.chunk ch JOIN _timescaledb_catalog.chunk cc ON cc.id=ch.compressed_chunk_id WHERE format('%I.%I',ch.schema_name,ch.table_name)::regclass IN (SELECT show_chunks('s'))))`,
      )
    )[0].s;
  let ms = performance.now();
  for (const m of txns) {
    let n = 0;
    await q('BEGIN');
    await q(
      `SELECT set_config('timescaledb.enable_direct_compress_copy', '${direct ? 'on' : 'off'}', true), set_config('timescaledb.enable_direct_compress_auto_segmentby', 'off', true)`,
    );
    await copyIn(c, `COPY s (${sampleColumns}) FROM STDIN (FORMAT binary)`, () => m[n++] ?? null);
    await q('COMMIT');
  }
  ms = performance.now() - ms;
  const before = await size();
  const st = await q(
    `SELECT status FROM _timescaledb_catalog.chunk WHERE format('%I.%I',schema_name,table_name)::regclass IN (SELECT show_chunks('s'))`,
  );
  const t = performance.now();
  for (let i = 0; i < 3; i++) await q(`SELECT compress_chunk(x, if_not_compressed => true) FROM show_chunks('s') x`);
  const after = await size();
  const st2 = await q(
    `SELECT status FROM _timescaledb_catalog.chunk WHERE format('%I.%I',schema_name,table_name)::regclass IN (SELECT show_chunks('s'))`,
  );
  console.log(
    name.padEnd(24),
    `${Math.round(total / ms)} k/s`,
    'before',
    (before / total).toFixed(2),
    JSON.stringify(st),
    'after',
    (after / total).toFixed(2),
    JSON.stringify(st2),
    `${((performance.now() - t) / 1000).toFixed(1)} s`,
  );
  const cc = (
    await q(
      `SELECT format('%I.%I',cc.schema_name,cc.table_name) n FROM _timescaledb_catalog.chunk ch JOIN _timescaledb_catalog.chunk cc ON cc.id=ch.compressed_chunk_id WHERE format('%I.%I',ch.schema_name,ch.table_name)::regclass IN (SELECT show_chunks('s'))`,
    )
  )[0]?.n;
  if (cc)
    console.log(
      JSON.stringify(
        (
          await q(
            `SELECT count(*), sum(_ts_meta_count), round(sum(pg_column_size(time))::numeric/${total},3) time, round(sum(pg_column_size(value))::numeric/${total},3) value, round(sum(pg_column_size(batch))::numeric/${total},3) batch, round(sum(pg_column_size(series_id))::numeric/${total},3) series, round(sum(pg_column_size(quality))::numeric/${total},3) quality, round(sum(pg_column_size(text))::numeric/${total},3) text, pg_relation_size('${cc}') heap, pg_table_size('${cc}')-pg_relation_size('${cc}') toast, pg_indexes_size('${cc}') idx FROM ${cc}`,
          )
        )[0],
      ),
    );
}
await c.end();
