import { describe, expect, test } from 'vitest';
import type { Decoded } from '../../src/decode/decoder.ts';
import { Lanes } from '../../src/processor/lanes.ts';

const record = (partition: number, offset: number, bytes = 10): Decoded => ({
  kind: 'reject',
  gateway: null,
  stage: 'decode',
  code: 'batch/malformed',
  reason: 'test',
  identity: null,
  origin: { topic: 'raw', partition, offset, receivedAt: 0, bytes: Buffer.alloc(bytes), headers: {} },
});
const never = new AbortController().signal;
const offsets = (records: readonly Decoded[]) => records.map(({ origin }) => [origin.partition, origin.offset]);

describe('lanes', () => {
  test('give each partition to one lane for ever, in the order of its offsets', async () => {
    const lanes = new Lanes(2, 1_000_000);
    lanes.add([record(0, 1), record(3, 1), record(2, 1), record(0, 2)]);
    lanes.add([record(3, 2), record(0, 3)]);
    const [even, odd] = await Promise.all(lanes.intakes.map((intake) => intake.take(never)));
    expect(offsets(even ?? [])).toEqual([
      [0, 1],
      [2, 1],
      [0, 2],
      [0, 3],
    ]);
    expect(offsets(odd ?? [])).toEqual([
      [3, 1],
      [3, 2],
    ]);
  });

  test('share the bytes, and have room only when the fullest has', async () => {
    const lanes = new Lanes(2, 200);
    expect(lanes.roomBytes).toBe(100);
    lanes.add([record(1, 1, 70)]);
    expect(lanes.roomBytes).toBe(30);
    lanes.add([record(1, 2, 70)]);
    expect(lanes.roomBytes).toBe(0);
    let hasRoom = false;
    const waiting = lanes.untilRoom(never).then(() => {
      hasRoom = true;
    });
    lanes.add([record(0, 1, 5)]);
    await lanes.intakes[0]?.take(never);
    expect(hasRoom).toBe(false);
    await lanes.intakes[1]?.take(never);
    await waiting;
    expect(lanes.roomBytes).toBe(100);
  });

  test('let go of all that waits, and of who waits for room, when it is cleared', async () => {
    const lanes = new Lanes(3, 30);
    lanes.add([record(0, 1), record(1, 1), record(2, 1)]);
    const waiting = lanes.untilRoom(never);
    lanes.clear();
    await waiting;
    expect(lanes.roomBytes).toBe(10);
    const stop = new AbortController();
    const taken = Promise.all(lanes.intakes.map((intake) => intake.take(stop.signal)));
    stop.abort();
    expect(await taken).toEqual([[], [], []]);
  });

  test('do not let small records take more memory than large ones: each counts, whatever is in it', async () => {
    const lanes = new Lanes(1, 1_000_000_000);
    const many = Array.from({ length: 20_000 }, (_, n) => record(0, n, 1));
    lanes.add(many);
    expect(lanes.roomBytes).toBe(0);
    const taken = (await lanes.intakes[0]?.take(never)) ?? [];
    expect(taken.length).toBeGreaterThan(1_000);
    expect(taken.length).toBeLessThan(5_000);
    expect(offsets(taken)).toEqual(offsets(many.slice(0, taken.length)));
  });
});
