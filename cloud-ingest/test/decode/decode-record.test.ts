import { topicOf } from '@fieldline/shared/contracts';
import { describe, expect, test } from 'vitest';
import { positionsOf } from '../../src/decode/entries.ts';
import { decodeRecord } from '../../src/decode/registry.ts';
import { Gateway, goodSample, recordOf, tagOf } from '../processor/line.ts';

const options = { topic: 'fieldline.raw', acceptPastMs: 60_000, acceptFutureMs: 1_000 };
const receivedAt = 1_790_000_000_000_000;
const place = { partition: 2, offset: 17, timestampMs: receivedAt / 1_000 + 5 };

describe('a record of the backbone', () => {
  test('is decoded by the topic in its header', () => {
    const sent = { ...new Gateway('gw').batch([goodSample(tagOf('a'), 1, receivedAt)]), receivedAt };
    const decoded = decodeRecord({ ...recordOf(sent), ...place }, options);
    expect(decoded).toMatchObject({ kind: 'batch', gateway: 'gw', batch: { seq: 1, sent: 1 } });
    expect(decoded.origin).toMatchObject({
      topic: 'fieldline.raw',
      partition: 2,
      offset: 17,
      receivedAt,
      bytes: sent.bytes,
    });
  });

  test('of another connector is decoded by its key, and was received when the log took it', () => {
    const sent = new Gateway('gw').batch([goodSample(tagOf('a'), 1, receivedAt)]);
    const decoded = decodeRecord({ key: topicOf('gw', 'batch'), value: sent.bytes, headers: {}, ...place }, options);
    expect(decoded).toMatchObject({ kind: 'batch', gateway: 'gw', origin: { receivedAt: receivedAt + 5_000 } });
  });

  test('keeps the samples within the window and names the others by their position', () => {
    const times = [0, -60_000_001, -60_000_000, 1_000_000, 1_000_001];
    const sent = {
      ...new Gateway('gw').batch(times.map((t, n) => goodSample(tagOf('a'), n, receivedAt + t))),
      receivedAt,
    };
    const decoded = decodeRecord({ ...recordOf(sent), ...place }, options);
    if (decoded.kind !== 'batch') throw new Error('not a batch');
    expect(decoded.batch.value).toEqual([0, 2, 3]);
    expect(decoded.batch.rejected.map(({ position, code }) => [position, code])).toEqual([
      [1, 'sample/time-out-of-window'],
      [4, 'sample/time-out-of-window'],
    ]);
    expect(positionsOf(decoded.batch)).toEqual([0, 2, 3]);
  });

  test('that cannot be stored tells which batch it would have been, if its bytes say so', () => {
    const gateway = new Gateway('gw');
    const json = JSON.parse(gateway.batch([goodSample(tagOf('a'), 1, receivedAt)]).bytes.toString());
    const of = (change: object) => {
      const bytes = Buffer.from(JSON.stringify({ ...json, ...change }));
      const decoded = decodeRecord({ ...recordOf({ gateway: 'gw', kind: 'batch', bytes }), ...place }, options);
      return decoded.kind === 'reject' ? [decoded.code, decoded.identity] : decoded.kind;
    };
    const identity = { stream: gateway.stream, seq: 1 };
    expect(of({ v: 9 })).toEqual(['batch/unsupported-version', identity]);
    expect(of({ x: [] })).toEqual(['batch/malformed', identity]);
    expect(of({ stream: 'none' })).toEqual(['batch/malformed', null]);
    expect(of({ gateway: 'other' })).toEqual(['batch/foreign-gateway', null]);
  });
});
