import type { Declaration, Micros, Tag } from '@fieldline/shared/contracts';
import type { Clock, Log } from '@fieldline/shared/runtime';

/** A queue that overflows with every message is told as often as this, and no more. */
const tellEveryMs = 60_000;

/**
 * What servers report as lost, one span per tag between two flushes: a queue that is too short overflows with every message,
 * and declarations must not outgrow the samples.
 */
export function createLosses({
  clock,
  log,
  declare,
}: {
  readonly clock: Clock;
  readonly log: Log;
  readonly declare: (declaration: Declaration) => void;
}) {
  const spans = new Map<Tag, { from: Micros; to: Micros }>();
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const tell = (): void => {
    const [first] = spans.keys();
    const nowMs = clock.monotonicMs();
    if (first === undefined || nowMs - toldAtMs < tellEveryMs) return;
    toldAtMs = nowMs;
    log.warn(
      { tags: spans.size, first: first.tag },
      'queues of the server have overflowed: the time is declared as lost; raise queueSize, or publish more often',
    );
  };
  return {
    add: (tag: Tag, { from, to }: { readonly from: Micros; readonly to: Micros }): void => {
      const span = spans.get(tag);
      spans.set(tag, { from: Math.min(from, span?.from ?? from), to: Math.max(to, span?.to ?? to) });
    },
    flush: (): void => {
      tell();
      for (const [{ device, tag }, { from, to }] of spans) {
        declare({ kind: 'series', device, tag, from, to, samples: null, reason: 'source-overflow' });
      }
      spans.clear();
    },
  };
}
