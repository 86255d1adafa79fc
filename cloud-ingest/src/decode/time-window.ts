import type { DecodedBatch, Micros, RejectedSample } from '@fieldline/shared/contracts';
import { onlyEntries, positionsOf } from './entries.ts';

export type TimeWindow = { readonly acceptPastMs: number; readonly acceptFutureMs: number };

/**
 * The batch without the samples whose time lies too far from its reception: one from the far future would freeze the latest
 * value for ever. Positions stay those of the batch as sent.
 */
export function withinWindow(batch: DecodedBatch, receivedAt: Micros, window: TimeWindow): DecodedBatch {
  const oldest = receivedAt - window.acceptPastMs * 1_000;
  const newest = receivedAt + window.acceptFutureMs * 1_000;
  const fits = (time: Micros): boolean => time >= oldest && time <= newest;
  if (isWithin(batch.time, oldest, newest)) return batch;
  const positions = positionsOf(batch);
  const kept: number[] = [];
  const rejected: RejectedSample[] = [...batch.rejected];
  for (const [n, time] of batch.time.entries()) {
    if (fits(time)) kept.push(n);
    else
      rejected.push({
        position: positions[n] as number,
        code: 'sample/time-out-of-window',
        reason: why(time, receivedAt),
      });
  }
  return { ...onlyEntries(batch, kept), rejected: rejected.sort((a, b) => a.position - b.position) };
}

/** A loop: it is asked of every batch, and nearly all pass. */
function isWithin(times: readonly Micros[], oldest: Micros, newest: Micros): boolean {
  for (let n = 0; n < times.length; n++) {
    const time = times[n] as Micros;
    if (time < oldest || time > newest) return false;
  }
  return true;
}

function why(time: Micros, receivedAt: Micros): string {
  const seconds = Math.round(Math.abs(time - receivedAt) / 1_000_000);
  const side = time > receivedAt ? 'after' : 'before';
  return `its time lies ${seconds} s ${side} its reception: check the clock of the device or gateway, or widen processor.acceptPastMs or acceptFutureMs`;
}
