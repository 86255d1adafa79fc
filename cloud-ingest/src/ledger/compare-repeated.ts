/**
 * Whether a batch that came again is the one that came before. A stream is new at every start of an agent, so two contents
 * under one number come of a running agent alone that was doubled or put back with its memory (a snapshot of a virtual
 * machine): what is new of it then looks like a repetition and is dropped. The ledger keeps only numbers; the log of batches
 * still has how many samples there were, and from when to when, for as long as it keeps its rows.
 */
import type { Session } from '../store/connection.ts';
import type { AdmittedBatch } from './admit.ts';
import { timesOf } from './batch-times.ts';
import type { Anomaly } from './ledger-store.ts';

type Logged = {
  readonly streamNo: number;
  readonly seq: number;
  readonly samples: number;
  /** null where not all of them are rows: then the times of the log are those of some only. */
  readonly fromTime: number | null;
  readonly toTime: number | null;
};

/** One anomaly for each stream of which a batch shows other content now. */
export async function compareRepeated(session: Session, repeated: readonly AdmittedBatch[]): Promise<Anomaly[]> {
  if (repeated.length === 0) return [];
  const logged = await session.query<Logged>(loggedBatches, [
    repeated.map(({ streamNo }) => streamNo),
    repeated.map(({ batch }) => batch.seq),
  ]);
  return repeated.flatMap((came) => {
    const { gateway, batch, origin } = came;
    const differs = logged.some((before) => isSame(before, came) && hasOtherContent(before, came));
    if (!differs) return [];
    return { kind: 'two-contents', gateway, at: origin.receivedAt, details: { stream: batch.stream } };
  });
}

const isSame = (before: Logged, { streamNo, batch }: AdmittedBatch): boolean =>
  before.streamNo === streamNo && before.seq === batch.seq;

function hasOtherContent(before: Logged, { batch }: AdmittedBatch): boolean {
  if (before.samples !== batch.sent) return true;
  if (batch.rejected.length > 0 || before.fromTime === null) return false;
  const { fromTime, toTime } = timesOf(batch);
  return fromTime !== before.fromTime || toTime !== before.toTime;
}

const micros = (column: string): string =>
  `CASE WHEN rejected = 0 THEN (extract(epoch FROM ${column}) * 1000000)::int8 END`;

const loggedBatches = `SELECT (batch >> 32)::int4 AS "streamNo", batch & 4294967295 AS seq, samples,
    ${micros('from_time')} AS "fromTime", ${micros('to_time')} AS "toTime"
  FROM batch_log
  WHERE batch = ANY(ARRAY(SELECT stream_no::int8 * 4294967296 + seq FROM unnest($1::int4[], $2::int8[]) AS came (stream_no, seq)))`;
