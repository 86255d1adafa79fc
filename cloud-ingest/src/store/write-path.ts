/**
 * Which way the rows of a transaction take. A COPY straight to the columnstore is two to four times as fast as one to the
 * rowstore with its B-tree, but leaves a compressed batch in the way of whoever reads one of its series, until the chunk is
 * merged: some 40 µs for each transaction, however few rows of the series it has. From `leastRowsPerSeries` on that is no
 * more than as many rows in the rowstore cost (docs/decisions/sample-index.md).
 */
import type { Micros } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import type { Rows } from './rows.ts';

export const writePaths = ['columnstore', 'rowstore'] as const;
export type WritePath = (typeof writePaths)[number];

/** Rows of one COPY, in the order in which they are written. `late`: for chunks that are, or soon will be, merged. */
export type WritePart = { readonly path: WritePath; readonly late: boolean; readonly order: Uint32Array };

/** Below it a transaction takes a few milliseconds whichever way it goes. */
export const leastRows = 5_000;
export const leastRowsPerSeries = 8;

/** Late rows are apart, so that a few of them neither slow down nor hold back the others. `order`: all rows, by series. */
export async function partsOf(session: Session, rows: Rows, order: Uint32Array): Promise<readonly WritePart[]> {
  if (rows.count < leastRows) return [{ path: 'rowstore', late: false, order }];
  const [row] = await session.query<{ lateBefore: Micros }>(
    'SELECT (extract(epoch FROM now() - columnstore_after) * 1000000)::int8 AS "lateBefore" FROM write_path',
  );
  if (row === undefined) return [{ path: 'rowstore', late: false, order }];
  const lateRows = countLate(rows, row.lateBefore);
  // A backlog, or a backfill, is mostly all of one kind.
  if (lateRows === 0 || lateRows === rows.count) return [{ path: pathFor(rows, order), late: lateRows > 0, order }];
  const late = new Uint32Array(lateRows);
  const newest = new Uint32Array(order.length - lateRows);
  let [lateNext, newestNext] = [0, 0];
  for (let place = 0; place < order.length; place++) {
    const index = order[place] as number;
    if ((rows.time[index] as number) < row.lateBefore) late[lateNext++] = index;
    else newest[newestNext++] = index;
  }
  return [
    { path: pathFor(rows, newest), late: false, order: newest },
    { path: pathFor(rows, late), late: true, order: late },
  ];
}

function countLate({ time, count }: Rows, before: Micros): number {
  let late = 0;
  for (let row = 0; row < count; row++) if ((time[row] as number) < before) late += 1;
  return late;
}

/** `order`: by series. */
export function pathFor(rows: Rows, order: Uint32Array): WritePath {
  if (order.length < leastRows) return 'rowstore';
  let series = 0;
  let last = -1;
  for (let place = 0; place < order.length; place++) {
    const slot = rows.slot[order[place] as number] as number;
    if (slot !== last) series += 1;
    last = slot;
  }
  return order.length >= series * leastRowsPerSeries ? 'columnstore' : 'rowstore';
}

/** Until the end of the transaction, or the next call. Rows then have to come in the order of the columnstore. */
export async function takePath(session: Session, path: WritePath): Promise<void> {
  await session.query(setPath, [path === 'columnstore' ? 'on' : 'off']);
}

/** Of a compressed batch before its chunk is merged: it holds few rows of each series, and a reader unpacks it for these. */
const rowsOfBatch = 1_000;

/**
 * The server neither sorts what is sorted nor guesses at a `segmentby`. The second setting came with a later version than the
 * first. We never claim that the rows are in order as a whole (`client_sorted`): those of two transactions overlap.
 */
const guess = 'timescaledb.enable_direct_compress_auto_segmentby';
const setPath = `SELECT set_config('timescaledb.enable_direct_compress_copy', $1, true),
  set_config('timescaledb.enable_direct_compress_copy_sort_batches', 'off', true),
  set_config('timescaledb.compression_batch_size_limit', '${rowsOfBatch}', true),
  CASE WHEN current_setting('${guess}', true) IS NOT NULL THEN set_config('${guess}', 'off', true) END`;
