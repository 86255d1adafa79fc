import { describe, expect, it } from 'vitest';
import { type Batch, decodeBatch, encodeBatch, type Sample, type Tag, TagLists } from '../../src/contracts/index.ts';

const tag = (name: string, type: Tag['type'] = 'float64'): Tag => ({ device: 'plc', tag: name, type });
const batchOf = (seq: number, tags: readonly Tag[], overrides: Partial<Batch> = {}): Buffer =>
  encodeBatch(
    {
      gateway: 'g1',
      stream: '6f1f6e1e-6a0a-4d2e-9a53-3b1d9e1f0a11',
      seq,
      ...(seq === 1 ? { previous: null } : {}),
      read: seq * tags.length,
      filtered: 0,
      volatile: false,
      declared: [],
      samples: tags.map(
        (one, index): Sample => ({ tag: one, time: 1_000_000 * seq + index, value: index, quality: 0 }),
      ),
      ...overrides,
    },
    'none',
  );

const decoded = (bytes: Buffer, lists?: TagLists) => {
  const result = decodeBatch(bytes, 'g1', lists);
  if (!result.ok) throw new Error(result.reason);
  return result.batch;
};

describe('remembered tag lists', () => {
  it('give the same batch as without them, and the same array of tags for the same list', () => {
    const lists = new TagLists();
    const numbers = [tag('a'), tag('b')];
    const first = decoded(batchOf(1, numbers), lists);
    const second = decoded(batchOf(2, numbers), lists);
    expect(second).toEqual(decoded(batchOf(2, numbers)));
    expect(second.tags).toBe(first.tags);
  });

  it('do not mistake another list for a known one', () => {
    const lists = new TagLists();
    decoded(batchOf(1, [tag('a'), tag('b')]), lists);
    expect(decoded(batchOf(2, [tag('a'), tag('b', 'int32')]), lists).tags).toEqual([tag('a'), tag('b', 'int32')]);
    expect(decoded(batchOf(3, [tag('b'), tag('a')]), lists).tags).toEqual([tag('b'), tag('a')]);
  });

  it('are not taken from another place in the batch', () => {
    const lists = new TagLists();
    const bytes = batchOf(1, [tag('a')]);
    decoded(bytes, lists);
    const list = JSON.stringify([['plc', 'a', 'float64']]);
    const text = batchOf(2, [tag('b')]).toString();
    const nested = Buffer.from(text.replace('"read":', `"note":{"x":1,"tags":${list},"i":[0]},"read":`));
    expect(decoded(nested, lists)).toEqual(decoded(nested));
    expect(decoded(nested, lists).tags).toEqual([tag('b')]);
    // Nor is what stood there remembered as the list of this batch.
    expect(decoded(bytes, lists).tags).toEqual([tag('a')]);
  });

  it('are those of version 1, too, and the runs of version 2', () => {
    const lists = new TagLists();
    const [first, second] = [batchOf(1, [tag('a'), tag('b')]), batchOf(2, [tag('a'), tag('b')])];
    expect(first.toString()).toContain('"tags":[["plc","a","float64","b","float64"]],"t0":');
    const asVersion1 = (bytes: Buffer): Buffer =>
      Buffer.from(
        bytes
          .toString()
          .replace('"v":2', '"v":1')
          .replace(/"tags":.*?,"t0"/, '"tags":[["plc","a","float64"],["plc","b","float64"]],"i":[0,1],"t0"'),
      );
    for (const [one, other] of [
      [first, second],
      [asVersion1(first), asVersion1(second)],
    ] as const) {
      const known = decoded(one, lists).tags;
      expect(decoded(other, lists).tags).toBe(known);
      expect(decoded(other, lists)).toEqual(decoded(second));
    }
  });

  it('survive a text that looks like their end', () => {
    const lists = new TagLists();
    const text = tag('text', 'string');
    const value = ',"tags":[["plc","a","float64"]],"t0":[0';
    const bytes = batchOf(1, [text], { samples: [{ tag: text, time: 1, value, quality: 0 }] });
    for (let n = 0; n < 2; n++) expect(decoded(bytes, lists).value).toEqual([value]);
  });

  it('leave a broken batch a reject with the same words', () => {
    const lists = new TagLists();
    const good = batchOf(1, [tag('a')]);
    decoded(good, lists);
    const broken = Buffer.from(good.toString().replace('"t0":', '"t0":x'));
    expect(decodeBatch(broken, 'g1', lists)).toMatchObject({ ok: false, code: 'batch/malformed' });
    const noTags = Buffer.from(good.toString().replace(/"tags":.*,"t0"/, '"tags":0,"t0"'));
    expect(decodeBatch(noTags, 'g1', lists)).toEqual(decodeBatch(noTags, 'g1'));
  });
});
