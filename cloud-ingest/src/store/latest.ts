import type { Session } from './connection.ts';
import { numberArray } from './number-array.ts';
import type { Rows } from './rows.ts';

/** The newest row of each series of the transaction, the later one of two with the same time. */
export function newestRows(rows: Rows, refused: ReadonlySet<number>): readonly number[] {
  const newest = new Int32Array(rows.seriesIds.length).fill(-1);
  for (let row = 0; row < rows.count; row++) {
    const slot = rows.slot[row] as number;
    const best = newest[slot] as number;
    if (best >= 0 && (rows.time[row] as number) < (rows.time[best] as number)) continue;
    if (refused.size === 0 || !refused.has(row)) newest[slot] = row;
  }
  return [...newest].filter((row) => row >= 0);
}

/** The latest value of each series: only a newer sample replaces one. Backlog that arrives late changes nothing. */
export async function upsertLatest(session: Session, rows: Rows, newest: readonly number[]): Promise<void> {
  if (newest.length === 0) return;
  // In one order everywhere, so that two processors do not wait for each other.
  const ordered = [...newest].sort((a, b) => seriesOf(rows, a) - seriesOf(rows, b));
  const column = (value: (row: number) => number | null): string => numberArray(ordered.map(value));
  await session.query(upsert, [
    column((row) => seriesOf(rows, row)),
    column((row) => rows.time[row] as number),
    column((row) => (Number.isNaN(rows.value[row]) ? null : (rows.value[row] as number))),
    column((row) => rows.quality[row] as number),
    column((row) => rows.sources[rows.sourceIndex[row] as number]?.streamNo ?? 0),
    column((row) => rows.sources[rows.sourceIndex[row] as number]?.seq ?? 0),
    // What a shorter list lacks is NULL.
    rows.text.size === 0 ? [] : ordered.map((row) => rows.text.get(row) ?? null),
  ]);
}

const seriesOf = (rows: Rows, row: number): number => rows.seriesIds[rows.slot[row] as number] as number;

const upsert = `INSERT INTO latest (series_id, time, value, quality, batch, text, updated_at)
  SELECT series_id, TIMESTAMPTZ 'epoch' + micros * INTERVAL '1 microsecond', value, quality,
    stream_no::int8 * 4294967296 + seq, text, now()
  FROM unnest($1::int4[], $2::int8[], $3::float8[], $4::int2[], $5::int4[], $6::int8[], $7::text[])
    AS new (series_id, micros, value, quality, stream_no, seq, text)
  ON CONFLICT (series_id) DO UPDATE SET time = excluded.time, value = excluded.value, quality = excluded.quality,
    batch = excluded.batch, text = excluded.text, updated_at = excluded.updated_at
  WHERE excluded.time >= latest.time`;
