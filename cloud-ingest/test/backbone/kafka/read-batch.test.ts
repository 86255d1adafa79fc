/** Record batches as Kafka's own tools and our bridge write them, read by us and by KafkaJS. */
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BackboneRecord } from '../../../src/backbone/backbone.ts';
import { recordOf } from '../../../src/backbone/kafka/kafka-record.ts';
import { isFetchedRecord, readBatches, recordsAt } from '../../../src/backbone/kafka/read-batch.ts';
import { recordBatchOf } from '../../../src/backbone/kafka/record-batch.ts';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder');
const Encoder = require('kafkajs/src/protocol/encoder');
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0');
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0');
const decodeTheirs = require('kafkajs/src/protocol/recordBatch/v0/decoder');

/** Of a record as KafkaJS would send it: anything may be missing, and headers may be there twice. */
type Sent = {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer | Buffer[]>;
  readonly timestampDelta: number;
};

async function theirBatch(sent: readonly Sent[], context: object = {}): Promise<Buffer> {
  const records = sent.map(({ key, value, headers, timestampDelta }, offsetDelta) =>
    encodeRecord({ key, value, headers, timestampDelta, offsetDelta }),
  );
  const { buffer } = await RecordBatch({
    firstOffset: 5_000_000_000,
    firstTimestamp: 1_764_000_000_123,
    maxTimestamp: 1_764_000_099_999,
    lastOffsetDelta: sent.length - 1,
    records,
    ...context,
  });
  return buffer;
}

const plain = ({ partition, offset, timestampMs, key, value, headers }: BackboneRecord) => ({
  partition,
  offset,
  timestampMs,
  key,
  value: value.toString('hex'),
  headers,
});

async function readByBoth(bytes: Buffer) {
  const place = { buffer: bytes, offset: 0 };
  const ours = recordsAt(place)?.map((each) => plain(recordOf(3, each as never)));
  const { records } = await decodeTheirs(new Decoder(bytes));
  return { place, ours, theirs: records.map((each: never) => plain(recordOf(3, each))) };
}

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const name = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => `h-${text}`);
const sentRecord: fc.Arbitrary<Sent> = fc.record({
  key: fc.option(bytes(20)),
  value: fc.option(bytes(300)),
  headers: fc.dictionary(name, fc.oneof(bytes(20), fc.array(bytes(5), { minLength: 2, maxLength: 3 })), { maxKeys: 6 }),
  timestampDelta: fc.integer({ min: -1_000_000_000_000, max: 1_000_000_000_000 }),
});

test('what any producer sent is read as KafkaJS reads it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(sentRecord, { minLength: 1, maxLength: 30 }), async (sent) => {
      const buffer = await theirBatch(sent);
      const { ours, theirs, place } = await readByBoth(buffer);
      expect(ours).toEqual(theirs);
      expect(ours?.length).toBe(sent.length);
      expect(place.offset).toBe(buffer.length);
    }),
    { numRuns: 200 },
  );
});

test('values by hand: a record with two headers, the second one twice', () => {
  const body = [0, 0x14, 0x06, 2, 0x6b, 4, 0x76, 0x31, 6, 2, 0x61, 2, 0x31, 2, 0x62, 2, 0x32, 2, 0x62, 2, 0x33];
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(100n, 0);
  head.writeInt32BE(61 - 12 + 1 + body.length, 8);
  head[16] = 2;
  head.writeBigInt64BE(1_000n, 27);
  head.writeBigInt64BE(9_000n, 35);
  head.writeInt32BE(1, 57);
  const batch = Buffer.concat([head, Buffer.from([body.length * 2, ...body])]);
  const [record] = recordsAt({ buffer: batch, offset: 0 }) ?? [];
  expect(record).toMatchObject({ offset: 103, timestampMs: 1_010, key: 'k', headers: { a: '1', b: '2' } });
  expect(record?.value.toString()).toBe('v1');
  // Taken by the time of the broker.
  batch.writeInt16BE(0x08, 21);
  expect(recordsAt({ buffer: batch, offset: 0 })?.[0]?.timestampMs).toBe(9_000);
});

test('a header is never lost or made up, whatever it is called', () => {
  const headers = { toString: 'a', constructor: 'b', valueOf: 'c' };
  const batch = recordBatchOf([{ key: 'k', value: Buffer.from('v'), headers }], 1);
  const buffer = Buffer.alloc(batch.sizeBytes);
  batch.writeTo(buffer, 0);
  expect(recordsAt({ buffer, offset: 0 })?.[0]?.headers).toEqual(headers);
});

test('what is compressed or cut off is left to KafkaJS, and what is broken is refused', async () => {
  const sent = [{ key: null, value: Buffer.from('value'), headers: {}, timestampDelta: 0 }];
  const gzip = 1;
  const compressed = await theirBatch(sent, { compression: gzip });
  expect(recordsAt({ buffer: compressed, offset: 0 })).toBeNull();
  const whole = await theirBatch(sent);
  for (let length = 0; length < whole.length; length++)
    expect(recordsAt({ buffer: whole.subarray(0, length), offset: 0 })).toBeNull();
  const broken = Buffer.from(whole);
  broken.writeInt32BE(2, 57);
  expect(() => recordsAt({ buffer: broken, offset: 0 })).toThrow(RangeError);
});

/** An update of KafkaJS that reads in another way shows here: it would go on, only slower. */
test('KafkaJS gives what we read', async () => {
  readBatches();
  const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages');
  const sent = ['one', 'two'].map((text) => ({ key: null, value: Buffer.from(text), headers: {}, timestampDelta: 0 }));
  const gzip = 1;
  const set = Buffer.concat([await theirBatch(sent), await theirBatch(sent, { compression: gzip })]);
  const withSize = new Encoder().writeBytes(Buffer.concat([set, set.subarray(0, 70)])).buffer;
  const messages: { value: Buffer }[] = await decodeMessages(new Decoder(withSize));
  expect(messages.map((message) => isFetchedRecord(message))).toEqual([true, true, false, false]);
  expect(messages.map(({ value }) => value.toString())).toEqual(['one', 'two', 'one', 'two']);
});
