import type { Range } from '@fieldline/shared/contracts';
import type { Disk } from './disk.ts';
import type { CountLost } from './recovery.ts';
import { batchIn } from './salvage/proof.ts';

/**
 * Every batch says how many samples its stream had up to it, so the batches beside a range tell what was in it, and what it declared
 * as thinned. null where one of them cannot be read, as at the end of a stream.
 */
export function lostCounter(disk: Disk): CountLost {
  return (stream, [from, to]: Range): number | null => {
    const after = countsOf(disk, stream, to + 1);
    if (after === null || after.before === null) return null;
    const before = from === 1 ? 0 : countsOf(disk, stream, from - 1)?.through;
    if (before !== undefined) return after.before - before;
    const segment = disk.segmentOf(stream, to + 1);
    return segment?.name.first === from ? segment.samplesBefore(to + 1) : null;
  };
}

/**
 * Samples of the stream before a batch, and with it: those that the batches have, or declare as thinned. `before` is null where
 * the batch declares such losses itself: they may be of its own segment, or of one that was dropped.
 */
function countsOf(disk: Disk, stream: string, seq: number): { before: number | null; through: number } | null {
  try {
    const bytes = disk.read(stream, seq)?.bytes;
    const batch = bytes === undefined ? null : batchIn(bytes);
    if (batch === null) return null;
    const through = batch.read - batch.filtered - (batch.thinned ?? 0);
    const declaresThinned = batch.declared.some(({ reason }) => reason === 'thinned');
    return { before: declaresThinned ? null : through - batch.sent, through };
  } catch {
    // It is damaged as well, which is found when it is to be sent.
    return null;
  }
}
