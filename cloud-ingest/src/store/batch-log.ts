import type { Micros } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import type { CopySource } from './copy/copy-in.ts';
import { copyRows, writeHalves, writeInstant, writeInt4, writeInt8, writeNull, writeText } from './copy/copy-rows.ts';
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

const columns = 'received_at, batch, record_offset, from_time, to_time, partition, samples, stored, rejected, topic';
/** Field count, five fields of 8 bytes and four of 4 with their lengths, and the length of the topic. */
const rowBytes = 2 + 5 * (4 + 8) + 4 * (4 + 4) + 4;

/** By COPY: of small batches there are thousands in a transaction. */
export async function writeBatchLog(session: Session, entries: readonly BatchLogEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await session.copy(`COPY batch_log (${columns}) FROM STDIN (FORMAT binary)`, encodeEntries(entries));
}

function encodeEntries(entries: readonly BatchLogEntry[]): CopySource {
  const entryAt = (n: number): BatchLogEntry => entries[n] as BatchLogEntry;
  return copyRows(entries.length, {
    bytesOf: (n) => rowBytes + Buffer.byteLength(entryAt(n).topic),
    write: (view, start, n, piece) => {
      const entry = entryAt(n);
      const { fromTime, toTime } = entry;
      view.setInt16(start, 10);
      let at = writeInstant(view, start + 2, entry.receivedAt);
      at = writeHalves(view, at, entry.streamNo, entry.seq);
      at = writeInt8(view, at, entry.offset);
      at = fromTime === null ? writeNull(view, at) : writeInstant(view, at, fromTime);
      at = toTime === null ? writeNull(view, at) : writeInstant(view, at, toTime);
      at = writeInt4(view, at, entry.partition);
      at = writeInt4(view, at, entry.samples);
      at = writeInt4(view, at, entry.stored);
      at = writeInt4(view, at, entry.rejected);
      return writeText(view, at, entry.topic, piece);
    },
  });
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
