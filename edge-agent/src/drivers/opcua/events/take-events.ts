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

/** `queueOf`: how many events of an item the server keeps between two publishes. */
export function takeEvents(
  items: readonly Item[],
  events: readonly EventFieldList[],
  arrival: Micros,
  queueOf: (item: Item) => number,
): TakenEvents {
  const before = new Map(items.map((item) => [item, item.lastTime]));
  const taken = events.flatMap(({ clientHandle, eventFields }) => {
    const item = items[clientHandle];
    if (item === undefined || item.events === null) return [];
    const each = item.events.take(eventFields ?? [], arrival, item.understanding.types);
    const last = each.samples.at(-1);
    if (last !== undefined) {
      item.marked = null;
      item.lastTime = Math.max(item.lastTime, last.time);
    }
    return [{ ...each, item, tag: item.tag }];
  });
  return {
    samples: taken.flatMap(({ samples }) => samples),
    repeated: taken.filter(({ isRepeated }) => isRepeated).length,
    lost: [
      ...taken.flatMap(({ tag, lost }, position) =>
        lost === null ? [] : { tag, span: untilNext(lost, tag, taken.slice(position + 1)) },
      ),
      ...[...Map.groupBy(taken, ({ item }) => item)].flatMap(([item, own]) =>
        own.length < queueOf(item) ? [] : lostBefore(item.tag, before.get(item) ?? 0, own),
      ),
    ],
    wantsRefresh: taken.some((each) => each.wantsRefresh),
  };
}

/** As many events as the server keeps: there may have been others before them, and not every server says so. */
function lostBefore(tag: Tag, lastTime: Micros, taken: readonly TakenEvent[]): TakenEvents['lost'] {
  const first = taken.find(({ samples }) => samples.length > 0)?.samples[0];
  const isTold = taken.some(({ lost }) => lost !== null);
  if (first === undefined || isTold || lastTime === 0 || first.time <= lastTime) return [];
  return [{ tag, span: { from: lastTime, to: first.time } }];
}

/** A server says when its queue begins to overflow; it goes on to throw away what is older than the event that comes next. */
function untilNext({ from, to }: Span, tag: Tag, later: readonly (TakenEvent & { readonly tag: Tag })[]): Span {
  const next = later.find((each) => each.tag === tag && each.samples.length > 0)?.samples[0];
  return { from, to: Math.max(to, next?.time ?? to) };
}
