/**
 * Tag lists as batches write them, remembered: gateways send the same lists again and again, and a list is more than half of
 * a batch. One that is known is neither made text, parsed nor checked again, and comes out as the same array.
 *
 * A list is cut out of the bytes of the JSON before it is parsed. In JSON that is well-formed, `,"tags":[[` and `]],"t0":`
 * stand nowhere in a string (the quotes would be escaped there), so what lies between them is the list. The mark left in its
 * place tells whether it stood where it belongs: one that did not is not remembered. Version 1 has `i` behind the list.
 */
import type { Tag } from './sample.ts';

const before = ',"tags":';
const start = Buffer.from(`${before}[[`);
const end = Buffer.from(']],"');
const closingBytes = ']]'.length;
/** Of the key behind the list: `t0`, or `i` where there is one. */
const firstOfKeys = [...Buffer.from('ti')];
/** Characters remembered; beyond it everything is forgotten. The tags themselves take about four times as much. */
const maxCharacters = 8_000_000;

export const tagListMark = 0;

export type CutBatch = {
  /** Part of the bytes that were cut. */
  readonly list: Buffer;
  /** The batch with the mark in place of the list. */
  readonly rest: string;
};

/** null where the batch is written in another way than we write it. */
export function cutTagList(json: Buffer): CutBatch | null {
  const from = json.indexOf(start);
  if (from < 0) return null;
  const to = json.indexOf(end, from);
  if (to < 0 || !firstOfKeys.includes(json[to + end.length] ?? 0)) return null;
  const listEnd = to + closingBytes;
  const listStart = from + before.length;
  return {
    list: json.subarray(listStart, listEnd),
    rest: `${json.toString('utf8', 0, listStart)}${tagListMark}${json.toString('utf8', listEnd)}`,
  };
}

type Known = { readonly list: Buffer; readonly tags: readonly Tag[] };

export class TagLists {
  private readonly lists = new Map<string, Known>();
  /** What each gateway sent last: mostly it comes again, and to compare bytes is quicker than to look text up. */
  private readonly newest = new Map<string, Known>();
  private characters = 0;

  find(list: Buffer, gateway: string): readonly Tag[] | undefined {
    const newest = this.newest.get(gateway);
    if (newest?.list.equals(list)) return newest.tags;
    const known = this.lists.get(list.toString('latin1'));
    if (known !== undefined) this.newest.set(gateway, known);
    return known?.tags;
  }

  keep(list: Buffer, gateway: string, tags: readonly Tag[]): void {
    if (this.characters + list.length > maxCharacters) {
      this.lists.clear();
      this.newest.clear();
      this.characters = 0;
    }
    const known = { list: Buffer.from(list), tags };
    this.lists.set(list.toString('latin1'), known);
    this.newest.set(gateway, known);
    this.characters += list.length;
  }
}
