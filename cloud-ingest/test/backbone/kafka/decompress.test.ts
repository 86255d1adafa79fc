/** What the broker compresses is read in kafka-failure.test.ts; here is what is wrong, or small enough to be seen through. */
import { expect, test } from 'vitest';
import { readLz4 } from '../../../src/backbone/kafka/lz4.ts';
import { readSnappy } from '../../../src/backbone/kafka/snappy.ts';

// One literal of 3 bytes, then a copy of 7 bytes from 3 bytes back.
const snappy = Buffer.from([10, (3 - 1) << 2, 0x61, 0x62, 0x63, 0x01 | ((7 - 4) << 2), 3]);
// The same, and a last literal of 5 bytes, as the format wants it.
const lz4Block = Buffer.from([(3 << 4) | (7 - 4), 0x61, 0x62, 0x63, 3, 0, 5 << 4, 0x31, 0x32, 0x33, 0x34, 0x35]);
const lz4 = Buffer.concat([
  Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0]),
  Buffer.from([lz4Block.length, 0, 0, 0]),
  lz4Block,
  Buffer.alloc(4),
]);

test('literals and overlapping copies become what was written', () => {
  expect(readSnappy(snappy, 100).toString()).toBe('abcabcabca');
  expect(readLz4(lz4, 100).toString()).toBe('abcabcabca12345');
});

test('data that end too early, or refer to what is not there, are refused', () => {
  for (let length = 0; length < snappy.length; length++) {
    expect(() => readSnappy(snappy.subarray(0, length), 100)).toThrow(RangeError);
  }
  for (let length = 0; length < lz4.length; length++) {
    expect(() => readLz4(lz4.subarray(0, length), 100)).toThrow(RangeError);
  }
  expect(() => readSnappy(Buffer.from([4, 0x01, 9]), 100)).toThrow(/not there/);
  const framed = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 255, 255, 255, 252]);
  expect(() => readSnappy(framed, 100)).toThrow(RangeError);
});

test('data that become more than the bound are refused', () => {
  expect(() => readSnappy(snappy, 9)).toThrow(/more than 9 bytes/);
  expect(() => readLz4(lz4, 14)).toThrow(/more than 14 bytes/);
});
