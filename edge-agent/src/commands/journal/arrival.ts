/**
 * How fast the journal fills at present: the bytes of the batches that came within the last hour, over the time from the
 * first of them until now, times what a byte of a batch takes in the file. Pure.
 */
import type { Micros } from '@fieldline/shared/contracts';

export type Arrived = { readonly encodedAt: Micros; readonly sizeBytes: number };
export type Rate =
  | { readonly bytesPerHour: number; readonly measuredOverMs: number }
  | { readonly bytesPerHour: null; readonly because: string };

const windowMs = 3_600_000;
const shortestMs = 60_000;

/** `newestFirst` has no gaps: what was deleted in between would be taken for a time of quiet. */
export function arrivalRate(newestFirst: Iterable<Arrived>, bytesPerByte: number, now: Micros): Rate {
  let bytes = 0;
  let oldest: Arrived | undefined;
  for (const batch of newestFirst) {
    if (batch.encodedAt < now - windowMs * 1_000) break;
    // Of the oldest nobody knows since when its samples were gathered.
    bytes += oldest?.sizeBytes ?? 0;
    oldest = batch;
  }
  if (oldest === undefined) return { bytesPerHour: null, because: 'nothing arrived within the last hour' };
  const measuredOverMs = Math.round((now - oldest.encodedAt) / 1_000);
  if (measuredOverMs < shortestMs || bytes === 0) {
    return { bytesPerHour: null, because: 'too little arrived within the last hour to tell' };
  }
  return { bytesPerHour: Math.round((bytes * bytesPerByte * windowMs) / measuredOverMs), measuredOverMs };
}
