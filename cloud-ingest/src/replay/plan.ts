/**
 * What a replay has before it, from the log of batches: exact, before a single record is read.
 *
 * Of each batch that was asked for one thing is true:
 *   repairable   its record is in the backbone, and its rows are within the retention of raw rows
 *   expired      the retention of raw rows has passed it: its aggregates are all there is, and they must not be computed anew
 *   gone         the backbone no longer has its record (or has begun again): its rows are all there is
 */
import type { Micros } from '@fieldline/shared/contracts';
import type { Bounds } from '../backbone/start-at.ts';
import type { Session } from '../store/connection.ts';

export type ReplayFilter = {
  /** Whether `from` and `to` are times of samples or of the reception by the cloud. */
  readonly by: 'sample' | 'received';
  readonly from: Micros;
  /** Not included. */
  readonly to: Micros;
  readonly gateway: string | null;
};

export type PlanContext = {
  readonly topic: string;
  readonly filter: ReplayFilter;
  /** What came later is none of ours. */
  readonly receivedBefore: Micros;
  readonly bounds: readonly Bounds[];
  /** Rows before this may have been dropped, or may be at any moment. */
  readonly rowsFrom: Micros;
  /** How far a sample may lie ahead of its reception: bounds how much of the log is looked at. */
  readonly acceptFutureMs: number;
};

export type Fate = 'repairable' | 'expired' | 'gone';

/** Batches of one partition and one fate. */
export type PlanPart = {
  readonly partition: number;
  readonly fate: Fate;
  readonly batches: number;
  readonly samples: number;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly fromTime: Micros | null;
  readonly toTime: Micros | null;
};

export type PlannedBatch = {
  readonly streamNo: number;
  readonly seq: number;
  readonly stream: string;
  readonly gateway: string;
  readonly partition: number;
  readonly offset: number;
  readonly receivedAt: Micros;
  readonly samples: number;
};

/** Where the next slice begins. */
export type Cursor = Pick<PlannedBatch, 'receivedAt' | 'streamNo' | 'seq'>;
export const firstCursor: Cursor = { receivedAt: 0, streamNo: 0, seq: 0 };

const micros = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::int8`;
const instant = (parameter: string): string => `TIMESTAMPTZ 'epoch' + ${parameter}::int8 * INTERVAL '1 microsecond'`;

/** A batch without rows has no time of samples: it is found by its reception only. */
const asked = {
  sample: `to_time >= ${instant('$3')} AND from_time < ${instant('$4')}`,
  received: `received_at >= ${instant('$3')} AND received_at < ${instant('$4')}`,
} as const;

const fates = ({ by }: ReplayFilter): string => `
  SELECT batch, received_at, partition, record_offset, samples, from_time, to_time,
    CASE WHEN from_time < ${instant('$5')} THEN 'expired'
      WHEN oldest IS NULL OR record_offset < oldest OR record_offset >= next THEN 'gone'
      ELSE 'repairable' END AS fate
  FROM batch_log LEFT JOIN unnest($6::int4[], $7::int8[], $8::int8[]) AS bound (number, oldest, next) ON number = partition
  WHERE topic = $1 AND received_at >= ${instant('$2')} AND received_at < ${instant('$10')} AND ${asked[by]}
    AND ($9::text IS NULL OR batch >> 32 IN (SELECT stream_no FROM stream WHERE gateway = $9::text))`;

function parameters(
  { topic, filter, receivedBefore, bounds, rowsFrom, acceptFutureMs }: PlanContext,
  receivedFrom: Micros,
): unknown[] {
  const earliest = filter.by === 'received' ? filter.from : filter.from - acceptFutureMs * 1_000;
  return [
    topic,
    Math.max(earliest, receivedFrom),
    filter.from,
    filter.to,
    rowsFrom,
    bounds.map(({ partition }) => partition),
    bounds.map(({ oldest }) => oldest),
    bounds.map(({ next }) => next),
    filter.gateway,
    receivedBefore,
  ];
}

export const planParts = (session: Session, context: PlanContext): Promise<PlanPart[]> =>
  session.query<PlanPart>(
    `SELECT partition, fate, count(*) AS batches, sum(samples) AS samples, min(record_offset) AS "fromOffset",
       max(record_offset) AS "toOffset", ${micros('min(from_time)')} AS "fromTime", ${micros('max(to_time)')} AS "toTime"
     FROM (${fates(context.filter)}) AS planned GROUP BY partition, fate ORDER BY partition, fate`,
    parameters(context, 0),
  );

/** The next repairable batches in the order of their reception, at most `limit`. */
export const planSlice = (
  session: Session,
  context: PlanContext,
  after: Cursor,
  limit: number,
): Promise<PlannedBatch[]> =>
  session.query<PlannedBatch>(
    `SELECT stream_no AS "streamNo", batch & 4294967295 AS seq, stream, gateway, partition, record_offset AS "offset",
       ${micros('received_at')} AS "receivedAt", planned.samples
     FROM (${fates(context.filter)}) AS planned JOIN stream ON stream_no = batch >> 32
     WHERE fate = 'repairable' AND (received_at, batch) > (${instant('$11')}, $12::int8 * 4294967296 + $13::int8)
     ORDER BY received_at, batch LIMIT $14`,
    [...parameters(context, after.receivedAt), after.receivedAt, after.streamNo, after.seq, limit],
  );
