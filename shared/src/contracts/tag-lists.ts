/**
 * Tag lists as batches write them, remembered: gateways send the same lists again and again, and a list is more than half of
 * a batch. One that is known is neither parsed nor checked again, and comes out as the same array.
 *
 * A list is cut out of the JSON before it is parsed. In JSON that is well-formed, `,"tags":[[` and `]],"i":[` stand nowhere
 * in a string (the quotes would be escaped there), so what lies between them is the list. The mark left in its place tells
 * whether it stood where it belongs.
 */
import type { Tag } from './sample.ts';

const before = ',"tags":';
const start = `${before}[[`;
const after = ',"i":[';
const end = `]]${after}`;
/** Characters remembered; beyond it everything is forgotten. The tags themselves take about four times as much. */
const maxCharacters = 8_000_000;

export const tagListMark = 0;

export type CutBatch = {
  readonly list: string /** The batch with the mark in place of the list. */;
  readonly rest: string;
};

/** null where the batch is written in another way than we write it. */
export function cutTagList(text: string): CutBatch | null {
  const from = text.indexOf(start);
  const to = from < 0 ? -1 : text.indexOf(end, from);
  if (to < 0) return null;
  const listEnd = to + end.length - after.length;
  const listStart = from + before.length;
  return {
    list: text.slice(listStart, listEnd),
    rest: `${text.slice(0, listStart)}${tagListMark}${text.slice(listEnd)}`,
  };
}

export class TagLists {
  private readonly lists = new Map<string, readonly Tag[]>();
  private characters = 0;

  find(list: string): readonly Tag[] | undefined {
    return this.lists.get(list);
  }

  keep(list: string, tags: readonly Tag[]): void {
    if (this.characters + list.length > maxCharacters) {
      this.lists.clear();
      this.characters = 0;
    }
    // A copy: a slice would keep the whole batch in memory.
    this.lists.set(Buffer.from(list).toString(), tags);
    this.characters += list.length;
  }
}
