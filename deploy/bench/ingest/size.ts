/**
 * What a sample takes on the disk: a day of the demonstration plant, as its agent would have sent it, in the columnstore of the
 * tables as they are migrated.
 */
import { join } from 'node:path';
import type pg from 'pg';
import type { BatchToWrite } from '../../../cloud-ingest/src/store/write-rows.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { withClient } from './database-server.ts';
import { plantBatches } from './plant-batches.ts';
import { withServers } from './with-servers.ts';
import { openWriter } from './writer.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Little at once, as a processor that keeps up has it: too few rows to go straight to the columnstore. */
const transactionMs = 60_000;

/** All chunks of the table, old enough or not. */
const convert = `DO $$ DECLARE chunk regclass; BEGIN
  FOR chunk IN SELECT show_chunks('sample') LOOP CALL convert_to_columnstore(chunk); END LOOP;
END $$`;

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ timescale }) => {
    const { root, short, say, signal } = context;
    const server = await timescale();
    const { config } = await server.migrated();
    const plant = plantBatches(join(root, 'deploy/examples/pumping-station'));
    // Yesterday, in UTC: all in one chunk.
    const fromMs = Math.floor(Date.now() / dayMs - 1) * dayMs;
    const hours = short ? 2 : 12;
    const toMs = fromMs + hours * hourMs;
    const writer = await openWriter(config);
    let rows = 0;
    let batches: BatchToWrite[] = [];
    try {
      for (let at = fromMs; at < toMs; at += transactionMs) {
        if (signal.aborted) throw new Error('stopped');
        batches = [...plant.between(at, at + transactionMs)];
        rows += await writer.write(batches);
      }
    } finally {
      await writer.close();
    }
    say(
      `${rows.toLocaleString('en-GB')} rows of ${plant.series} series, ${plant.samplesRead().toLocaleString('en-GB')} read`,
    );
    return withClient(config.url, async (client) => {
      const bytesNow = async (): Promise<number> =>
        Number((await client.query<{ bytes: string }>(`SELECT hypertable_size('sample') AS bytes`)).rows[0]?.bytes);
      const before = await bytesNow();
      // As the policy does: the first brings in what is in the rowstore, the second puts all in order.
      for (let round = 0; round < 2; round++) await client.query(convert);
      const after = await bytesNow();
      return [
        {
          name: 'bytes per sample in the columnstore',
          value: after / rows,
          unit: 'bytes',
          target: { atMost: 3, aim: 2 },
          note: `all indexes and the batch number included; ${hours} h of ${plant.series} series`,
        },
        ...(await columnFigures(client, rows)),
        { name: '… before the conversion', value: before / rows, unit: 'bytes' },
        {
          name: '… samples held back by the deadband',
          value: (100 * (plant.samplesRead() - rows)) / plant.samplesRead(),
          unit: '%',
        },
      ];
    });
  });

const compressedChunks = `SELECT format('%I.%I', compressed.schema_name, compressed.table_name) AS name
  FROM _timescaledb_catalog.chunk JOIN _timescaledb_catalog.hypertable ON hypertable.id = chunk.hypertable_id
    JOIN _timescaledb_catalog.chunk AS compressed ON compressed.id = chunk.compressed_chunk_id
  WHERE hypertable.table_name = 'sample'`;

/** What each column takes of it; the rest is heads, pages and indexes. */
async function columnFigures(client: pg.Client, rows: number): Promise<Figure[]> {
  const { rows: chunks } = await client.query<{ name: string }>(compressedChunks);
  const columns = ['time', 'value', 'batch', 'series_id', 'quality', 'text'];
  const sizes = columns.map((column) => `coalesce(sum(pg_column_size(${column})), 0) AS ${column}`).join(', ');
  const bytes = new Map(columns.map((column) => [column, 0]));
  for (const { name } of chunks) {
    const { rows: found } = await client.query<Record<string, string>>(`SELECT ${sizes} FROM ${name}`);
    for (const column of columns) bytes.set(column, (bytes.get(column) ?? 0) + Number(found[0]?.[column]));
  }
  return [...bytes].map(([column, ofColumn]) => ({ name: `… of it ${column}`, value: ofColumn / rows, unit: 'bytes' }));
}

export const size: Benchmark = {
  name: 'size',
  what: 'bytes per sample of the demonstration plant in the columnstore',
  run,
};
