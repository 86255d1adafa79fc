/** Entries of a decoded batch, and their positions in the batch as sent: rejected samples have a position and no entry. */
import type { DecodedBatch } from '@fieldline/shared/contracts';

/** Position in the batch as sent of each sample that is in the columns. */
export function positionsOf(batch: DecodedBatch): readonly number[] {
  const rejected = new Set(batch.rejected.map(({ position }) => position));
  const positions: number[] = [];
  for (let position = 0; position < batch.sent; position++) if (!rejected.has(position)) positions.push(position);
  return positions;
}

/** The batch with nothing in its columns but these entries. */
export function onlyEntries(batch: DecodedBatch, entries: readonly number[]): DecodedBatch {
  const only = <Column>(column: readonly Column[]): Column[] => entries.map((entry) => column[entry] as Column);
  return {
    ...batch,
    tagIndex: only(batch.tagIndex),
    time: only(batch.time),
    value: only(batch.value),
    quality: only(batch.quality),
  };
}
