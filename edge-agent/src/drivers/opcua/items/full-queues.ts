/**
 * What a subscription delivers first after nobody could hear it, is what the queues of its items have kept meanwhile. Not every server
 * says that one has overflowed: where it gives as many values as it keeps, there may have been others before them.
 */
import type { Micros } from '@fieldline/shared/contracts';
import type { MonitoredItemNotification } from '../library.ts';
import { hasOverflow } from '../values/status.ts';
import { type Item, openGap, timeOf } from './item.ts';

export type FullQueues = {
  /** The subscription goes on; `heardUntil` is until when all is known of an item. By the clock of the server. */
  readonly resumed: (resumedAt: Micros, heardUntil: (item: Item) => Micros) => void;
  /** Before the values of a message are taken: opens the gaps that these will close. */
  readonly judge: (notified: readonly MonitoredItemNotification[]) => void;
  /** A message, be it empty: all that was kept was in it, or in those that follow at once. */
  readonly delivered: () => void;
};

export function createFullQueues(items: readonly Item[], queueOf: (item: Item) => number): FullQueues {
  let resumption: { readonly at: Micros; readonly heardUntil: (item: Item) => Micros } | null = null;
  let isFirst = false;
  /** Whose first values are still to come. */
  const awaited = new Set<Item>();

  const judgeOne = (item: Item, values: readonly MonitoredItemNotification[]): void => {
    if (resumption === null || !awaited.delete(item) || values.length < queueOf(item)) return;
    // A server that says so is believed: the time is declared by its word.
    if (values.some(({ value }) => hasOverflow(value.statusCode.value))) return;
    const [first] = values;
    const time = first === undefined ? null : timeOf(first.value);
    // What comes later than the first message was kept only if it is as old.
    if (isFirst || (time !== null && time <= resumption.at)) openGap(item, resumption.heardUntil(item));
  };

  return {
    resumed: (at, heardUntil) => {
      resumption = { at, heardUntil };
      isFirst = true;
      for (const item of items) awaited.add(item);
    },
    judge: (notified) => {
      if (awaited.size === 0) return;
      for (const [handle, values] of Map.groupBy(notified, ({ clientHandle }) => clientHandle)) {
        const item = items[handle];
        if (item !== undefined) judgeOne(item, values);
      }
    },
    delivered: () => {
      isFirst = false;
    },
  };
}
