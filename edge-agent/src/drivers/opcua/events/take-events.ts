/** The events of one message, given to the tags that take them. */
import type { Micros, Sample, Tag } from '@fieldline/shared/contracts';
import type { Item } from '../items/item.ts';
import type { EventFieldList } from '../library.ts';

export type TakenEvents = {
  readonly samples: readonly Sample[];
  /** How many came again. */
  readonly repeated: number;
  readonly lost: readonly { readonly tag: Tag; readonly span: { readonly from: Micros; readonly to: Micros } }[];
  readonly wantsRefresh: boolean;
};

export function takeEvents(items: readonly Item[], events: readonly EventFieldList[], arrival: Micros): TakenEvents {
  const taken = events.flatMap(({ clientHandle, eventFields }) => {
    const item = items[clientHandle];
    if (item === undefined || item.events === null) return [];
    const each = item.events.take(eventFields ?? [], arrival, item.understanding.types);
    const last = each.samples.at(-1);
    if (last !== undefined) {
      item.marked = null;
      item.lastTime = Math.max(item.lastTime, last.time);
    }
    return [{ ...each, tag: item.tag }];
  });
  return {
    samples: taken.flatMap(({ samples }) => samples),
    repeated: taken.filter(({ isRepeated }) => isRepeated).length,
    lost: taken.flatMap(({ tag, lost }) => (lost === null ? [] : [{ tag, span: lost }])),
    wantsRefresh: taken.some((each) => each.wantsRefresh),
  };
}
