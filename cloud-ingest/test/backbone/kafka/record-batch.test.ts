/** Our record batches, read by the decoder of KafkaJS, which checks nothing, and by the check values of the CRC. */
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { listen } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NewRecord } from '../../../src/backbone/backbone.ts';
import { recordOf } from '../../../src/backbone/kafka/kafka-record.ts';
import { recordBatchOf } from '../../../src/backbone/kafka/record-batch.ts';
import { sendEncoded, takeBatches, writeBatches } from '../../../src/backbone/kafka/send-encoded.ts';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder');
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder');

function encode(records: readonly NewRecord[], timestampMs: number): Buffer {
  const batch = recordBatchOf(records, timestampMs);
  // Between other bytes, as in a request.
  const request = Buffer.alloc(batch.sizeBytes + 7, 0xee);
  batch.writeTo(request, 3);
  expect(request.subarray(0, 3).toString('hex')).toBe('eeeeee');
  expect(request.subarray(-4).toString('hex')).toBe('eeeeeeee');
  return request.subarray(3, -4);
}

const text = fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 20 }));
const record: fc.Arbitrary<NewRecord> = fc.record({
  key: text,
  value: fc.uint8Array({ maxLength: 20_000 }).map((bytes) => Buffer.from(bytes)),
  // KafkaJS's decoder knows no header called `valueOf`: ours begin with a letter and a hyphen.
  headers: fc.dictionary(
    text.map((name) => `h-${name}`),
    text,
    { maxKeys: 8 },
  ),
});

test('the CRC of the library is the one that Kafka wants: the check value of its catalogue', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  // RFC 3720, appendix B.4.
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
});

test('what is written is read again: keys, bytes, headers, order, time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 200 }), async (records) => {
      const bytes = encode(records, 1_764_000_000_123);
      expect(bytes.readUInt32BE(17)).toBe(crc32c(bytes.subarray(21)));
      const decoded = await decodeBatch(new Decoder(bytes));
      const read = decoded.records.map((each: Parameters<typeof recordOf>[1]) => recordOf(0, each));
      expect(read.map(({ key, headers }: NewRecord) => ({ key, headers }))).toEqual(
        records.map(({ key, headers }) => ({ key: key.toWellFormed(), headers })),
      );
      expect(read.every(({ value }: NewRecord, n: number) => value.equals(records[n]?.value ?? Buffer.alloc(1)))).toBe(
        true,
      );
      expect(read.map(({ offset }: { offset: number }) => offset)).toEqual(records.map((_, n) => n));
      expect(new Set(read.map(({ timestampMs }: { timestampMs: number }) => timestampMs))).toEqual(
        new Set([1_764_000_000_123]),
      );
    }),
    { numRuns: 50 },
  );
});

/** An update of KafkaJS that builds or sends its requests in another way shows here, and in the conformance suite. */
test('KafkaJS sends our batches in its request as they are, and leaves ordinary messages alone', async () => {
  const received: Buffer[] = [];
  const silent = createServer((socket) => socket.on('data', (chunk) => received.push(chunk)));
  await listen(silent, { host: '127.0.0.1', port: 0 });
  const address = silent.address();
  const socket = writeBatches(connect(address !== null && typeof address === 'object' ? address.port : 0));
  takeBatches();
  const produce = require('kafkajs/src/protocol/requests/produce/index.js');
  const createRequest = require('kafkajs/src/protocol/request.js');
  const sent = async (topicMessages: { topic: string; messages: { partition?: number }[] }[]): Promise<Buffer> => {
    received.length = 0;
    const topicData = topicMessages.map(({ topic, messages }) => ({
      topic,
      partitions: messages.map((message) => ({ partition: message.partition, messages: [message] })),
    }));
    const { request } = produce.protocol({ version: 7 })({ acks: -1, timeout: 1_000, topicData });
    socket.write((await createRequest({ correlationId: 1, clientId: 'c', request })).buffer, 'binary');
    const got = (): Buffer => Buffer.concat(received);
    await waitFor(() => got().length > 4 && got().length === got().readInt32BE(0) + 4);
    return got();
  };
  /** As a producer of KafkaJS: it hands its messages on. */
  const producer = (then: (topicMessages: Parameters<typeof sent>[0]) => Promise<void>) =>
    ({ sendBatch: ({ topicMessages }: { topicMessages: Parameters<typeof sent>[0] }) => then(topicMessages) }) as never;

  const batch = recordBatchOf([{ key: 'gw', value: Buffer.from('bytes'), headers: { topic: 'a/b' } }], 1);
  const ours = Buffer.alloc(batch.sizeBytes);
  batch.writeTo(ours, 0);
  const ordinary = await sent([
    {
      topic: 'raw',
      messages: [{ partition: 3, key: 'gw', value: Buffer.from('bytes'), headers: { topic: 'a/b' } } as object],
    },
  ]);
  const decoded = await decodeBatch(new Decoder(ordinary.subarray(-batch.sizeBytes)));
  expect(decoded.records[0].value.toString()).toBe('bytes');
  // The second goes out in the buffer of the first.
  for (let n = 0; n < 2; n++) {
    await sendEncoded(
      producer(async (topicMessages) => {
        const request = await sent(topicMessages);
        expect(request.subarray(-batch.sizeBytes).equals(ours)).toBe(true);
        // All before the batch is as KafkaJS writes it: ids, no transaction, acks, time-out, topic, partition.
        expect(request.length).toBe(ordinary.length);
        expect(request.subarray(0, -batch.sizeBytes).equals(ordinary.subarray(0, -batch.sizeBytes))).toBe(true);
      }),
      -1,
      [{ topic: 'raw', batches: [{ partition: 3, batch }] }],
    );
  }
  expect(() => produce.protocol({ version: 2 })).toThrow(/older/);
  socket.destroy();
  silent.close();
});
