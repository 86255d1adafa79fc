import type { Declaration, Micros, Tag } from '@fieldline/shared/contracts';

/**
 * What servers report as lost, one span per tag between two flushes: a queue that is too short overflows with every message,
 * and declarations must not outgrow the samples.
 */
export function createLosses(declare: (declaration: Declaration) => void) {
  const spans = new Map<Tag, { from: Micros; to: Micros }>();
  return {
    add: (tag: Tag, { from, to }: { readonly from: Micros; readonly to: Micros }): void => {
      const span = spans.get(tag);
      spans.set(tag, { from: Math.min(from, span?.from ?? from), to: Math.max(to, span?.to ?? to) });
    },
    flush: (): void => {
      for (const [{ device, tag }, { from, to }] of spans) {
        declare({ kind: 'series', device, tag, from, to, samples: null, reason: 'source-overflow' });
      }
      spans.clear();
    },
  };
}
