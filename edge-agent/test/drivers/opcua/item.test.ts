import { qualityCode, qualityName } from '@fieldline/shared/contracts';
import { DataType, DataValue, StatusCode, StatusCodes } from 'node-opcua';
import { describe, expect, test } from 'vitest';
import { createItem, markItem, takeDataValue } from '../../../src/drivers/opcua/item.ts';
import { parseNodeName } from '../../../src/drivers/opcua/node-id.ts';

const newItem = () => createItem({ device: 'd', tag: 't', type: 'float64' }, parseNodeName('i=1'), 100);
const atMs = 1_770_000_000_000;
const micros = atMs * 1_000;
const notConnected = qualityCode('bad/not-connected');

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
    const { sample } = takeDataValue(newItem(), sent(1, { picoseconds: 456_700_000 }), 9);
    expect(sample?.time).toBe(micros + 456);
  });

  test('is the server time where the server gives no source time, and the arrival where it gives neither', () => {
    const none = new Date('1601-01-01T00:00:00Z');
    expect(takeDataValue(newItem(), sent(1, { source: null }), 9).sample?.time).toBe(micros + 5_000);
    expect(takeDataValue(newItem(), sent(1, { source: none }), 9).sample?.time).toBe(micros + 5_000);
    expect(takeDataValue(newItem(), sent(1, { source: none, server: null }), 9).sample?.time).toBe(9);
  });
});

describe('a value that the server sends again', () => {
  test('is dropped', () => {
    const item = newItem();
    takeDataValue(item, sent(1), 9);
    expect(takeDataValue(item, sent(1), 10)).toEqual({ sample: null, lost: null });
  });

  test('with another value or quality under the same source time is a sample', () => {
    const item = newItem();
    takeDataValue(item, sent(1), 9);
    expect(takeDataValue(item, sent(2), 10).sample?.value).toBe(2);
    expect(takeDataValue(item, sent(Number.NaN), 10).sample).toMatchObject({ value: null, time: micros });
  });

  test('after the connection was lost is good again at the time of the server, once', () => {
    const item = newItem();
    takeDataValue(item, sent(1), 9);
    const bad = markItem(item, notConnected, micros + 1_000);
    expect(bad).toMatchObject({ time: micros + 1_000, value: null });
    const later = sent(1, { server: new Date(atMs + 700) });
    expect(takeDataValue(item, later, 10).sample).toMatchObject({ time: micros + 700_000, value: 1, quality: 0 });
    expect(takeDataValue(item, later, 10).sample).toBeNull();
  });

  test('after the connection was lost is never earlier than the bad sample, whatever the clock of the server', () => {
    const item = newItem();
    takeDataValue(item, sent(1), 9);
    markItem(item, notConnected, micros + 9_000_000);
    expect(takeDataValue(item, sent(1), 10).sample?.time).toBe(micros + 9_000_001);
  });
});

describe('a mark', () => {
  test('is made once per reason, and later than what was there', () => {
    const item = newItem();
    takeDataValue(item, sent(1), 9);
    expect(markItem(item, notConnected, micros - 5)).toMatchObject({ time: micros + 1 });
    expect(markItem(item, notConnected, micros + 5)).toBeNull();
    const refused = markItem(item, qualityCode('bad/address'), micros + 5);
    expect(refused === null ? '' : qualityName(refused.quality)).toBe('bad/address');
  });
});

describe('an overflow', () => {
  test('is lost since the value before', () => {
    const item = newItem();
    takeDataValue(item, sent(1), 9);
    const after = sent(2, { source: new Date(atMs + 50), overflow: true });
    expect(takeDataValue(item, after, 9)).toMatchObject({
      sample: { value: 2, quality: 0 },
      lost: { from: micros, to: micros + 50_000 },
    });
  });

  test('before the first value has no length', () => {
    expect(takeDataValue(newItem(), sent(2, { overflow: true }), 9).lost).toEqual({ from: micros, to: micros });
  });
});
