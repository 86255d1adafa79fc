/** What became of a batch that was written: how many of its samples are rows, its entry in the log, and letters for the rest. */
import { addRange, type Ranges } from '@fieldline/shared/contracts';
import type { DeadLetter, DeadLetterStage } from '../dead-letters/dead-letter.ts';
import type { Origin } from '../decode/decoder.ts';
import { positionsOf } from '../decode/entries.ts';
import type { BatchLogEntry } from '../store/batch-log.ts';
import type { Rows } from '../store/rows.ts';
import type { RefusedRow } from '../store/write-samples.ts';
import type { AdmittedBatch } from './admit.ts';
import { timesOf } from './batch-times.ts';

export type BatchOutcome = AdmittedBatch & {
  readonly stored: number;
  readonly refused: readonly RefusedRow[];
  readonly firstRow: number;
};

export function outcomesOf(
  batches: readonly AdmittedBatch[],
  rows: Rows,
  refused: readonly RefusedRow[],
): BatchOutcome[] {
  return batches.map((admitted, index) => {
    const firstRow = rows.firstRow[index] ?? 0;
    const count = admitted.batch.time.length;
    const own = refused.length === 0 ? refused : refused.filter(({ row }) => row >= firstRow && row < firstRow + count);
    return { ...admitted, firstRow, refused: own, stored: count - own.length };
  });
}

export function logEntryOf({ streamNo, batch, origin, stored }: BatchOutcome): BatchLogEntry {
  const { receivedAt, topic, partition, offset } = origin;
  const { fromTime, toTime } = timesOf(batch);
  return {
    streamNo,
    seq: batch.seq,
    receivedAt,
    topic,
    partition,
    offset,
    samples: batch.sent,
    stored,
    rejected: batch.sent - stored,
    fromTime,
    toTime,
  };
}

/** One letter per code: it has the bytes of the batch, and the positions of its samples that are not rows. */
export function sampleLetters({ gateway, batch, origin, refused, firstRow }: BatchOutcome): DeadLetter[] {
  if (batch.rejected.length === 0 && refused.length === 0) return [];
  const samples: { position: number; code: DeadLetter['code']; reason: string; stage: DeadLetterStage }[] =
    batch.rejected.map((rejected) => ({ ...rejected, stage: 'decode' }));
  if (refused.length > 0) {
    const positions = positionsOf(batch);
    for (const { row, reason } of refused)
      samples.push({ position: positions[row - firstRow] ?? 0, code: 'database/data', reason, stage: 'store' });
  }
  const codes = [...new Set(samples.map(({ code }) => code))];
  return codes.map((code) => {
    const ofCode = samples.filter((sample) => sample.code === code).sort((a, b) => a.position - b.position);
    const [first] = ofCode;
    const positions = ofCode.reduce<Ranges>((sum, { position }) => addRange(sum, position), []);
    const more = ofCode.length > 1 ? ` (and ${ofCode.length - 1} more of this batch)` : '';
    return letterOf(origin, gateway, first?.stage ?? 'decode', code, `${first?.reason ?? ''}${more}`, positions);
  });
}

export const letterOf = (
  origin: Origin,
  gateway: string | null,
  stage: DeadLetterStage,
  code: DeadLetter['code'],
  reason: string,
  positions: Ranges | null,
): DeadLetter => ({
  receivedAt: origin.receivedAt,
  gateway,
  stage,
  code,
  reason,
  topic: origin.topic,
  partition: origin.partition,
  offset: origin.offset,
  positions,
  bytes: origin.bytes,
  headers: origin.headers,
});
