import { describe, expect, test } from 'vitest';
import { Window } from '../../src/bridge/window.ts';

type Item = { readonly id: number; readonly bytes: number };
const item = (id: number, bytes = 1): Item => ({ id, bytes });
const never = new AbortController().signal;
const idsOf = (items: readonly Item[]): number[] => items.map(({ id }) => id);
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await new Promise(setImmediate);
  return done;
};

/** Eight messages or 80 bytes, in shares of two or 20. */
const newWindow = () => new Window<Item>({ messages: 8, bytes: 80 }, 4);

describe('the window of the bridge', () => {
  test('what waits goes at once while nothing is under way', async () => {
    const window = newWindow();
    window.put(item(1));
    expect(idsOf(await window.take(never))).toEqual([1]);
  });

  test('beside others goes a whole share, by messages or by bytes, and nothing less', async () => {
    const window = newWindow();
    window.put(item(1));
    await window.take(never);
    window.put(item(2));
    const second = window.take(never);
    expect(await settled(second)).toBe(false);
    window.put(item(3));
    expect(idsOf(await second)).toEqual([2, 3]);
    const third = window.take(never);
    window.put(item(4, 19));
    expect(await settled(third)).toBe(false);
    window.put(item(5, 1));
    expect(idsOf(await third)).toEqual([4, 5]);
  });

  test('what waited for a share goes as soon as the last that was under way is done', async () => {
    const window = newWindow();
    window.put(item(1));
    const first = await window.take(never);
    window.put(item(2));
    const second = window.take(never);
    expect(await settled(second)).toBe(false);
    window.release(first);
    expect(idsOf(await second)).toEqual([2]);
  });

  test('a share is never exceeded, but by one message that is larger', async () => {
    const window = newWindow();
    for (const one of [item(1, 50), item(2, 15), item(3, 15), item(4), item(5), item(6)]) window.put(one);
    const taken: number[][] = [];
    for (let n = 0; n < 4; n++) taken.push(idsOf(await window.take(never)));
    expect(taken).toEqual([[1], [2], [3, 4], [5, 6]]);
  });

  test('is full at its messages and at its bytes, and has room again when some are released', async () => {
    const window = newWindow();
    for (let id = 1; id <= 7; id++) window.put(item(id));
    expect(window.full).toBe(false);
    window.put(item(8));
    expect(window.full).toBe(true);
    const taken = await window.take(never);
    expect(window.full).toBe(true);
    const room = window.untilRoom(never);
    expect(await settled(room)).toBe(false);
    window.release(taken);
    expect(await settled(room)).toBe(true);
    expect(window.size).toBe(6);
    window.put(item(9, 80));
    expect(window.full).toBe(true);
  });

  test('an abort ends every wait', async () => {
    const window = newWindow();
    const stop = new AbortController();
    const [taken, empty] = [window.take(stop.signal), window.untilEmpty(stop.signal)];
    stop.abort();
    expect(await taken).toEqual([]);
    expect(await settled(empty)).toBe(true);
  });
});
