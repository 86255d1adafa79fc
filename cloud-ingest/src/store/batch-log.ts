import type { Micros } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import { numberArray } from './number-array.ts';
import type { BatchRef } from './rows.ts';

/** Where a batch came from and what became of it: with `sample.batch` any row can be traced to its record. */
export type BatchLogEntry = BatchRef & {
  readonly receivedAt: Micros;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly samples: number;
  readonly stored: number;
  readonly rejected: number;
  /** null for a batch without rows. */
  readonly fromTime: Micros | null;
  readonly toTime: Micros | null;
};

export async function writeBatchLog(session: Session, entries: readonly BatchLogEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const column = (value: (entry: BatchLogEntry) => number | null): string => numberArray(entries.map(value));
  await session.query(insert, [
    column((entry) => entry.streamNo),
    column((entry) => entry.seq),
    column((entry) => entry.receivedAt),
    entries.map(({ topic }) => topic),
    column((entry) => entry.partition),
    column((entry) => entry.offset),
    column((entry) => entry.samples),
    column((entry) => entry.stored),
    column((entry) => entry.rejected),
    column((entry) => entry.fromTime),
    column((entry) => entry.toTime),
  ]);
}

/** Samples of a logged batch became rows later: `times` are theirs. */
export async function countOver(
  session: Session,
  { streamNo, seq }: BatchRef,
  times: readonly Micros[],
): Promise<void> {
  const [from, to] = times.reduce(
    ([min, max], time) => [Math.min(min, time), Math.max(max, time)],
    [Infinity, -Infinity],
  );
  await session.query(
    `UPDATE batch_log SET stored = stored + $3, rejected = rejected - $3,
       from_time = least(from_time, ${instant('$4::int8')}), to_time = greatest(to_time, ${instant('$5::int8')})
     WHERE batch = $1::int8 * 4294967296 + $2::int8`,
    [streamNo, seq, times.length, from, to],
  );
}

const instant = (column: string): string => `TIMESTAMPTZ 'epoch' + ${column} * INTERVAL '1 microsecond'`;

const insert = `INSERT INTO batch_log (batch, received_at, topic, partition, record_offset, samples, stored, rejected, from_time, to_time)
  SELECT stream_no::int8 * 4294967296 + seq, ${instant('received_at')}, topic, partition, record_offset, samples, stored, rejected,
    ${instant('from_time')}, ${instant('to_time')}
  FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::text[], $5::int4[], $6::int8[], $7::int4[], $8::int4[], $9::int4[], $10::int8[], $11::int8[])
    AS entry (stream_no, seq, received_at, topic, partition, record_offset, samples, stored, rejected, from_time, to_time)`;
