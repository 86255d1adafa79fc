/** A time of which values of a node may be missing. Pure. */
import type { Micros } from '@fieldline/shared/contracts';
import type { Item } from '../items/item.ts';

export type Span = { readonly from: Micros; readonly to: Micros };

export type Gap = {
  /** The monitored item: all tags of the node have the gap. */
  readonly item: Item;
  /** What is later than this is missing; moves on with what is read. */
  from: Micros;
  /** What is earlier than this is missing: from then on the server tells us. */
  readonly to: Micros;
  /** Until then nobody was there to hear: the start of the agent says so. */
  readonly oursFrom: Micros;
  /** Whether the history is known to reach back to `from`. */
  isReached: boolean;
};

/** Gaps that began within this time are read together: the server is asked for one time of many nodes. */
const togetherMicros = 60_000_000;

/** The gaps that one call can ask for, the earliest first. */
export function nextGroup(gaps: readonly Gap[], most: number): Gap[] {
  const [first, ...others] = gaps.toSorted((a, b) => a.from - b.from);
  if (first === undefined) return [];
  return [first, ...others.filter(({ from }) => from - first.from <= togetherMicros)].slice(0, most);
}

export const union = (spans: readonly Span[]): Span => ({
  from: Math.min(...spans.map(({ from }) => from)),
  to: Math.max(...spans.map(({ to }) => to)),
});
