/** Lists in pages: a page holds at most `limit` items and says where the next begins. */
import { z } from 'zod';

export const pageSchema = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    items: z.array(item),
    next: z.string().nullable().describe('give it as `after` to get the next page; null on the last'),
  });

/** `rows` were asked for with `limit + 1`: the one too many only tells that there is a next page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => string,
  itemOf: (row: Row) => Item,
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown[shown.length - 1];
  return { items: shown.map(itemOf), next: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
