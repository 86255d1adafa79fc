import { randomAt } from '../../simulators/src/signals/random.ts';

/** Choices that their seed repeats. */
export type Random = {
  /** 0 ≤ x < 1 */
  readonly next: () => number;
  /** A whole number, both ends included. */
  readonly between: (least: number, most: number) => number;
  readonly pick: <Item>(items: readonly Item[]) => Item;
};

export function createRandom(seed: number, lane: number): Random {
  let drawn = 0;
  const next = (): number => randomAt(seed, lane, drawn++);
  const between: Random['between'] = (least, most) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    pick: <Item>(items: readonly Item[]): Item => {
      if (items.length === 0) throw new RangeError('there is nothing to pick from');
      return items[between(0, items.length - 1)] as Item;
    },
  };
}
