/** A binary heap: the item with the lowest key stands first. The key of an item must not change while it is in here. */
export class Heap<Item> {
  private readonly items: Item[] = [];
  private readonly keyOf: (item: Item) => number;

  constructor(keyOf: (item: Item) => number) {
    this.keyOf = keyOf;
  }

  get size(): number {
    return this.items.length;
  }

  get first(): Item | undefined {
    return this.items[0];
  }

  /** In no order. */
  get all(): readonly Item[] {
    return this.items;
  }

  add(item: Item): void {
    const { items } = this;
    const key = this.keyOf(item);
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || this.keyOf(parent) <= key) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  takeFirst(): Item | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (last !== undefined && items.length > 0) this.sink(last);
    return first;
  }

  /** Puts the item in the place of the first, and from there to where it belongs. */
  private sink(item: Item): void {
    const { items } = this;
    const key = this.keyOf(item);
    let at = 0;
    for (;;) {
      const left = items[2 * at + 1];
      const right = items[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && this.keyOf(right) < this.keyOf(left);
      const child = isRight ? right : left;
      if (this.keyOf(child) >= key) break;
      items[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    items[at] = item;
  }
}
