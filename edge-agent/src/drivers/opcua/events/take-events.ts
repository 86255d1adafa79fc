/** The events of one message, given to the tags that take them. */
import type { Micros, Sample, Tag } from '@fieldline/shared/contracts';
import type { Span } from '../history/gap.ts';
import type { Item } from '../items/item.ts';
import type { EventFieldList } from '../library.ts';
import type { TakenEvent } from './events.ts';

export type TakenEvents = {
  readonly samples: readonly Sample[];
  /** How many came again. */
  readonly repeated: number;
  readonly lost: readonly { readonly tag: Tag; readonly span: Span }[];
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
    lost: taken.flatMap(({ tag, lost }, position) =>
      lost === null ? [] : { tag, span: untilNext(lost, tag, taken.slice(position + 1)) },
    ),
    wantsRefresh: taken.some((each) => each.wantsRefresh),
  };
}

/** A server says when its queue begins to overflow; it goes on to throw away what is older than the event that comes next. */
function untilNext({ from, to }: Span, tag: Tag, later: readonly (TakenEvent & { readonly tag: Tag })[]): Span {
  const next = later.find((each) => each.tag === tag && each.samples.length > 0)?.samples[0];
  return { from, to: Math.max(to, next?.time ?? to) };
}
