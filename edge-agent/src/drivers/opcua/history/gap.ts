/** A time of which values of a node may be missing. Pure. */
import type { Micros } from '@fieldline/shared/contracts';
import type { Item } from '../items/item.ts';

export type Span = { readonly from: Micros; readonly to: Micros };

/** Since when values may be missing, as long as nobody knows until when. */
export type OpenGap = {
  /** What is later than this may be missing. */
  readonly from: Micros;
  /** Where nobody has the values, what is later than this is lost: before it there were none, or others have told of them. */
  readonly oursFrom: Micros;
  /** What the disk knows it by; null: it does not need to yet. */
  readonly note: number | null;
};

export type Gap = {
  /** The monitored item: all tags of the node have the gap. */
  readonly item: Item;
  /** What is later than this is missing; moves on with what is read. */
  from: Micros;
  /** What is earlier than this is missing: from then on the server tells us. */
  readonly to: Micros;
  readonly oursFrom: Micros;
  /** Tags that have more of it already: up to when. */
  readonly keptUntil: ReadonlyMap<Item, Micros>;
  readonly note: number;
  /** Whether the history is known to reach back to `from`. */
  isReached: boolean;
};

/** Gaps that began within this time are read together: the server is asked for one time of many nodes. */
const togetherMicros = 60_000_000;

/** The gaps that one call can ask for, the earliest first, and of each item one: the next is begun when the journal has all of that. */
export function nextGroup(gaps: readonly Gap[], most: number): Gap[] {
  const sorted = gaps.toSorted((a, b) => a.from - b.from);
  const [first] = sorted;
  if (first === undefined) return [];
  const group = new Map<Item, Gap>();
  for (const gap of sorted) {
    if (gap.from - first.from > togetherMicros || group.size >= most) break;
    if (!group.has(gap.item)) group.set(gap.item, gap);
  }
  return [...group.values()];
}

export const union = (spans: readonly Span[]): Span => ({
  from: Math.min(...spans.map(({ from }) => from)),
  to: Math.max(...spans.map(({ to }) => to)),
});
