/** The rows and log entries of batches that are in the database, found by what the log says of them. */
import type { Micros } from '@fieldline/shared/contracts';
import type { Session } from '../store/connection.ts';
import type { Edition } from '../store/edition.ts';

export type LoggedBatch = {
  /** As text: it may be beyond 2^53. */
  readonly batch: string;
  readonly receivedAt: Micros;
  readonly stored: number;
  readonly rejected: number;
  readonly fromTime: Micros | null;
  readonly toTime: Micros | null;
};

/** Rows of one batch in one minute. */
type Removed = { readonly batch: string; readonly minute: number; readonly rows: number };

export type Cluster = { readonly batches: readonly string[]; readonly from: Micros; readonly to: Micros };

/** Spans of time that lie closer together are removed in one statement. */
const clusterGapMicros = 600_000_000;

const micros = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::int8`;
const instant = (parameter: string): string => `TIMESTAMPTZ 'epoch' + ${parameter}::int8 * INTERVAL '1 microsecond'`;

export const batchOf = (streamNo: number, seq: number): string =>
  String(BigInt(streamNo) * 4_294_967_296n + BigInt(seq));

/** What the log says now; a batch that it no longer has is left out. */
export async function readLogged(
  session: Session,
  batches: readonly string[],
  received: { readonly from: Micros; readonly to: Micros },
): Promise<ReadonlyMap<string, LoggedBatch>> {
  const rows = await session.query<LoggedBatch>(
    `SELECT batch::text, ${micros('received_at')} AS "receivedAt", stored, rejected, ${micros('from_time')} AS "fromTime",
       ${micros('to_time')} AS "toTime"
     FROM batch_log WHERE batch = ANY($1::int8[]) AND received_at BETWEEN ${instant('$2')} AND ${instant('$3')}`,
    [batches, received.from, received.to],
  );
  return new Map(rows.map((row) => [row.batch, row]));
}

/** Batches whose samples are of about the same time, put together: one of backlog must not widen the search for the others. */
export function clustersOf(logged: readonly LoggedBatch[]): Cluster[] {
  const spans = logged
    .flatMap(({ batch, fromTime, toTime }) =>
      fromTime === null || toTime === null ? [] : [{ batch, fromTime, toTime }],
    )
    .sort((a, b) => a.fromTime - b.fromTime);
  const clusters: { batches: string[]; from: Micros; to: Micros }[] = [];
  for (const { batch, fromTime, toTime } of spans) {
    const last = clusters.at(-1);
    if (last === undefined || fromTime > last.to + clusterGapMicros)
      clusters.push({ batches: [batch], from: fromTime, to: toTime });
    else {
      last.batches.push(batch);
      last.to = Math.max(last.to, toTime);
    }
  }
  return clusters;
}

const within = `time BETWEEN ${instant('$1')} AND ${instant('$2')}`;
// The bounds of the ids are what the columnstore can look up; the list is what the index can.
const ofSeries = 'series_id BETWEEN $4 AND $5 AND series_id = ANY($6::int4[])';

function parameters({ batches, from, to }: Cluster, seriesIds: readonly number[]): unknown[] {
  const [least, most] = seriesIds.reduce(([a, b], id) => [Math.min(a, id), Math.max(b, id)], [2 ** 31 - 1, 0]);
  return [from, to, batches, least, most, seriesIds];
}

/**
 * Rows in the columnstore are unpacked, a compressed batch at a time, before one of them can be removed. A statement that removes
 * none unpacks them just the same: run before the transaction that removes, it keeps that short, and holds no one up.
 */
export async function unpackRows(
  session: Session,
  edition: Edition,
  cluster: Cluster,
  seriesIds: readonly number[],
): Promise<void> {
  if (edition !== 'timescale') return;
  await unlimited(session, edition);
  await session.query(
    `DELETE FROM sample WHERE ${within} AND batch = ANY($3::int8[]) AND ${ofSeries}`,
    parameters({ ...cluster, batches: ['-1'] }, seriesIds),
  );
}

/** What a transaction unpacks is bounded by what it removes; the limit is for statements without such bounds. */
export async function unlimited(session: Session, edition: Edition): Promise<void> {
  if (edition === 'timescale')
    await session.query('SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0');
}

/** `seriesIds` null: of whatever series, which takes a search through all that is of that time. */
export async function removeRows(
  session: Session,
  cluster: Cluster,
  seriesIds: readonly number[] | null,
): Promise<readonly Removed[]> {
  const all = parameters(cluster, seriesIds ?? []);
  return session.query<Removed>(
    `WITH removed AS (
       DELETE FROM sample WHERE ${within} AND batch = ANY($3::int8[])${seriesIds === null ? '' : ` AND ${ofSeries}`}
       RETURNING batch, time)
     SELECT batch::text, floor(extract(epoch FROM time) / 60)::int8 AS minute, count(*) AS rows FROM removed GROUP BY 1, 2`,
    seriesIds === null ? all.slice(0, 3) : all,
  );
}

export type NewOutcome = Omit<LoggedBatch, 'batch' | 'receivedAt'>;

export async function saveLogged(session: Session, entries: readonly (LoggedBatch & NewOutcome)[]): Promise<void> {
  if (entries.length === 0) return;
  const column = <Value>(value: (entry: LoggedBatch) => Value): Value[] => entries.map(value);
  const received = column((entry) => entry.receivedAt);
  await session.query(
    `UPDATE batch_log SET stored = new.stored, rejected = new.rejected, from_time = ${instant('new.from_time')},
       to_time = ${instant('new.to_time')}
     FROM unnest($1::int8[], $2::int4[], $3::int4[], $4::int8[], $5::int8[]) AS new (batch, stored, rejected, from_time, to_time)
     WHERE batch_log.batch = new.batch AND received_at BETWEEN ${instant('$6')} AND ${instant('$7')}`,
    [
      column((entry) => entry.batch),
      column((entry) => entry.stored),
      column((entry) => entry.rejected),
      column((entry) => entry.fromTime),
      column((entry) => entry.toTime),
      Math.min(...received),
      Math.max(...received),
    ],
  );
}

/** Rows that went without others coming in their place change the roll-ups too. */
export async function touchMinutes(session: Session, minutes: readonly number[]): Promise<void> {
  if (minutes.length === 0) return;
  await session.query(
    `INSERT INTO touched_1m (bucket) SELECT TIMESTAMPTZ 'epoch' + minute * INTERVAL '1 minute' FROM unnest($1::int8[]) AS minute`,
    [minutes],
  );
}
