import type { Declaration, Micros } from '@fieldline/shared/contracts';
import { isBelieved } from './boot.ts';

/**
 * What an opening of the journal that ended without order had read and not written, declared when time has come: from its last batch to
 * `until`, the first start after it. That a clock was not set when the last batch was encoded is seen by its time: then only
 * the end is known.
 */
export function restartLoss(lastAt: Micros, until: Micros): Declaration {
  const from = isBelieved(lastAt) ? Math.min(lastAt, until) : until;
  const to = isBelieved(lastAt) ? Math.max(lastAt, until) : until;
  return { kind: 'series', device: null, tag: null, from, to, samples: null, reason: 'restart' };
}

/** When a batch counts as encoded. Before time comes that is the last time known: by 1970 its segment would be too old at once. */
export const encodedAt = (now: Micros, lastAt: () => Micros): Micros =>
  isBelieved(now) ? now : Math.max(now, lastAt());
