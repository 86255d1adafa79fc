import { qualityCode, qualityName } from '@fieldline/shared/contracts';
import { DataType, DataValue, StatusCode, StatusCodes } from 'node-opcua';
import { describe, expect, test } from 'vitest';
import type { LastKept } from '../../../src/drivers/driver.ts';
import {
  createItem,
  type Item,
  markItem,
  openGap,
  recallItem,
  restateItem,
  takeDataValue,
} from '../../../src/drivers/opcua/items/item.ts';
import { parseNodeName } from '../../../src/drivers/opcua/nodes/node-id.ts';

const newItem = () => createItem({ device: 'd', tag: 't', type: 'float64' }, parseNodeName('i=1'), 100);
const atMs = 1_770_000_000_000;
const micros = atMs * 1_000;
const notConnected = qualityCode('bad/not-connected');

/** From a server whose clock is right, unless it is given. */
const take = (item: Item, data: DataValue, arrival: number, askedAt = Number.MAX_SAFE_INTEGER) =>
  takeDataValue(item, data, arrival, askedAt);

type Options = { source?: Date | null; server?: Date | null; picoseconds?: number; overflow?: boolean };
function sent(
  value: number,
  { source = new Date(atMs), server = new Date(atMs + 5), picoseconds = 0, overflow = false }: Options = {},
) {
  return new DataValue({
    value: { dataType: DataType.Double, value },
    statusCode: StatusCode.makeStatusCode(StatusCodes.Good, overflow ? 0x480 : 0),
    sourceTimestamp: source,
    sourcePicoseconds: picoseconds,
    serverTimestamp: server,
  });
}

describe('the time of a sample', () => {
  test('is the source time, to the microsecond', () => {
    const { sample } = take(newItem(), sent(1, { picoseconds: 456_700_000 }), 9);
    expect(sample?.time).toBe(micros + 456);
  });

  test('is the server time where the server gives no source time, and the arrival where it gives neither', () => {
    const none = new Date('1601-01-01T00:00:00Z');
    expect(take(newItem(), sent(1, { source: null }), 9).sample?.time).toBe(micros + 5_000);
    expect(take(newItem(), sent(1, { source: none }), 9).sample?.time).toBe(micros + 5_000);
    expect(take(newItem(), sent(1, { source: none, server: null }), 9).sample?.time).toBe(9);
  });
});

describe('a value that the server sends again', () => {
  test('is dropped', () => {
    const item = newItem();
    take(item, sent(1), 9);
    expect(take(item, sent(1), 10)).toEqual({ sample: null, lost: null, reported: null });
  });

  test('with another value or quality under the same source time is a sample', () => {
    const item = newItem();
    take(item, sent(1), 9);
    expect(take(item, sent(2), 10).sample?.value).toBe(2);
    expect(take(item, sent(Number.NaN), 10).sample).toMatchObject({ value: null, time: micros });
  });

  test('after the connection was lost is good again at the time of the server, once', () => {
    const item = newItem();
    take(item, sent(1), 9);
    const bad = markItem(item, notConnected, micros + 1_000);
    expect(bad).toMatchObject({ time: micros + 1_000, value: null });
    const later = sent(1, { server: new Date(atMs + 700) });
    expect(take(item, later, 10).sample).toMatchObject({ time: micros + 700_000, value: 1, quality: 0 });
    expect(take(item, later, 10).sample).toBeNull();
  });

  test('after the connection was lost is never earlier than the bad sample, whatever the clock of the server', () => {
    const item = newItem();
    take(item, sent(1), 9);
    markItem(item, notConnected, micros + 9_000_000);
    expect(take(item, sent(1), 10).sample?.time).toBe(micros + 9_000_001);
  });
});

describe('a mark by a clock that is ahead of the server, which was not heard yet,', () => {
  const hourMicros = 3_600_000_000;
  const askedAt = micros + 20_000;

  test('leaves the value its time, and is there until something later is said', () => {
    const item = newItem();
    markItem(item, notConnected, micros + hourMicros);
    expect(take(item, sent(1), 9, askedAt).sample).toMatchObject({ time: micros, value: 1, quality: 0 });
    expect(item.marked).toBe(notConnected);
    const next = sent(2, { source: new Date(atMs + 50) });
    expect(take(item, next, 9, askedAt + 50_000).sample).toMatchObject({ time: micros + 50_000, value: 2 });
    expect(item.marked).toBeNull();
  });

  test('is followed by a value that it leaves its time, should that come again', () => {
    const item = newItem();
    markItem(item, notConnected, micros + hourMicros);
    take(item, sent(1), 9, askedAt);
    expect(take(item, sent(1), 9, askedAt).sample).toMatchObject({ time: micros + hourMicros + 1, value: 1 });
    expect(take(item, sent(1), 9, askedAt).sample).toBeNull();
  });

  test('by one that is not ahead, the value is said after it', () => {
    const item = newItem();
    markItem(item, notConnected, micros + 10_000);
    expect(take(item, sent(1), 9, askedAt).sample).toMatchObject({ time: micros + 10_001, value: 1, quality: 0 });
  });
});

describe('a mark', () => {
  test('is made once per reason, and later than what was there', () => {
    const item = newItem();
    take(item, sent(1), 9);
    expect(markItem(item, notConnected, micros - 5)).toMatchObject({ time: micros + 1 });
    expect(markItem(item, notConnected, micros + 5)).toBeNull();
    const refused = markItem(item, qualityCode('bad/address'), micros + 5);
    expect(refused === null ? '' : qualityName(refused.quality)).toBe('bad/address');
  });
});

describe('an overflow', () => {
  test('is lost since the value before', () => {
    const item = newItem();
    take(item, sent(1), 9);
    const after = sent(2, { source: new Date(atMs + 50), overflow: true });
    expect(take(item, after, 9)).toMatchObject({
      sample: { value: 2, quality: 0 },
      lost: { from: micros, to: micros + 50_000 },
    });
  });

  test('before the first value has no length', () => {
    expect(take(newItem(), sent(2, { overflow: true }), 9).lost).toEqual({ from: micros, to: micros });
  });
});

describe('a tag that an earlier run has left in the journal', () => {
  const kept = { time: micros, value: 1, quality: 0, bad: null, late: null };
  const recalled = (last: Partial<LastKept>) => {
    const item = newItem();
    recallItem(item, { ...kept, ...last });
    return item;
  };

  test('is not said again by the same value, nor by an older time of it: what was said may have been a value again', () => {
    expect(take(recalled({}), sent(1), 9)).toEqual({ sample: null, lost: null, reported: null });
    expect(take(recalled({ time: micros + 70 }), sent(1), 9).sample).toBeNull();
    expect(take(recalled({ value: undefined }), sent(5), 9).sample).toBeNull();
    expect(take(recalled({ quality: qualityCode('good/history') }), sent(1), 9).sample).toBeNull();
  });

  test('whose server was not connected is good again, later than that', () => {
    const bad = { time: micros + 1_000_000, quality: notConnected };
    expect(take(recalled({ bad }), sent(1, { server: new Date(atMs + 3_000) }), 9)).toMatchObject({
      sample: { value: 1, quality: 0, time: micros + 3_000_000 },
    });
    const next = new Date(atMs + 2_000);
    expect(take(recalled({ bad }), sent(2, { source: next }), 9)).toMatchObject({
      sample: { value: 2, time: micros + 2_000_000 },
    });
  });

  test('that was bad by the word of the server is good again, never earlier than that', () => {
    const bad = { time: micros + 500, quality: qualityCode('bad/device') };
    const { sample } = take(recalled({ bad }), sent(1, { server: null }), micros + 900);
    expect(sample).toMatchObject({ value: 1, quality: 0, time: micros + 900 });
  });
});

describe('a gap', () => {
  const later = new Date(atMs + 50);

  test('ends with the first value of another time, and there is none where the same comes again', () => {
    const item = newItem();
    take(item, sent(1), 9);
    openGap(item, micros);
    openGap(item, micros + 40_000);
    expect(take(item, sent(1), 9).reported?.to).toBeNull();
    openGap(item, micros);
    expect(take(item, sent(2, { source: later }), 9)).toMatchObject({
      sample: { value: 2, time: micros + 50_000 },
      reported: { open: { from: micros, oursFrom: micros }, to: micros + 50_000 },
    });
    expect(take(item, sent(3, { source: new Date(atMs + 60) }), 9).reported).toBeNull();
  });

  test('is not opened for what was never heard of', () => {
    const item = newItem();
    openGap(item, micros);
    expect(item.gap).toBeNull();
  });
});

describe('a subscription that lived on', () => {
  test('takes a mark back, right after it; without a mark or a value there is nothing to say', () => {
    const item = newItem();
    expect(restateItem(item)).toBeNull();
    markItem(item, notConnected, micros);
    expect(restateItem(item)).toBeNull();
    take(item, sent(1), 9);
    const mark = markItem(item, notConnected, micros + 70_000);
    expect(restateItem(item)).toEqual({ ...mark, time: micros + 70_001, value: 1, quality: 0 });
    expect(restateItem(item)).toBeNull();
  });
});
