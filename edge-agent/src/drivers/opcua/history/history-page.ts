/** What one answer of a history means for a gap. Pure. */
import { GOOD, type Micros, type Sample } from '@fieldline/shared/contracts';
import { fromHistory, readingOf, timeOf } from '../items/item.ts';
import type { DataValue } from '../library.ts';
import type { Gap } from './gap.ts';

export type HistoryPage = {
  readonly samples: readonly Sample[];
  /** Of the values within the gap. */
  readonly first: Micros | null;
  /** Of all before its end. */
  readonly last: Micros;
  /** Has a value from before the gap; has one from after it. */
  readonly reachesBack: boolean;
  readonly reachesEnd: boolean;
};

/** What the server has recorded within a gap, of all tags of the node. Good values say where they are from. */
export function historySamples({ item, from, to, keptUntil }: Gap, values: readonly DataValue[]): HistoryPage {
  const timed = values.flatMap((data) => {
    const time = timeOf(data);
    return time === null ? [] : { time, data };
  });
  const within = timed.filter(({ time }) => time > from && time < to);
  const samples = within.flatMap(({ time, data }) =>
    item.members.flatMap((member): Sample | [] => {
      if (time <= (keptUntil.get(member) ?? from)) return [];
      const { value, quality } = readingOf(data, member);
      return { tag: member.tag, time, value, quality: quality === GOOD ? fromHistory : quality };
    }),
  );
  return {
    samples,
    first: within[0]?.time ?? null,
    last: Math.max(from, ...timed.map(({ time }) => time).filter((time) => time < to)),
    reachesBack: timed.some(({ time }) => time <= from),
    reachesEnd: timed.some(({ time }) => time >= to),
  };
}
