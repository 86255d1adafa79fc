import type { Sample, Value } from '@fieldline/shared/contracts';

export type FilterSettings = {
  /** A change of at most this much is held back. */
  readonly deadband: number;
  /** A sample passes at least this often; null: only when it changed. */
  readonly heartbeatMs: number | null;
};

/**
 * Whether a sample passes, given the last one of its tag that did. A change of quality always passes: nobody may take the
 * last good value for the present one. So does a sample older than the last (the clock was set back): it would else be
 * held back until the clock has caught up.
 */
export function passes(last: Sample | undefined, sample: Sample, { deadband, heartbeatMs }: FilterSettings): boolean {
  if (last === undefined || sample.quality !== last.quality) return true;
  const sinceMs = (sample.time - last.time) / 1_000;
  if (sinceMs < 0 || (heartbeatMs !== null && sinceMs >= heartbeatMs)) return true;
  return !isWithin(deadband, last.value, sample.value);
}

function isWithin(deadband: number, left: Value | null, right: Value | null): boolean {
  if (left === right) return true;
  if (typeof left === 'number' && typeof right === 'number') return Math.abs(left - right) <= deadband;
  // Subtracted as bigint: two counters beyond 2^53 that differ by one must differ by one.
  if (typeof left === 'bigint' && typeof right === 'bigint') return Math.abs(Number(left - right)) <= deadband;
  return false;
}
