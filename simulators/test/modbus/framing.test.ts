import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Framing, Request } from '../../src/modbus/framing.ts';
import { createMbapFraming } from '../../src/modbus/mbap.ts';
import { checksum, createRtuFraming } from '../../src/modbus/rtu.ts';

const mbap = (transaction: number, unit: number, pdu: Buffer): Buffer => {
  const header = Buffer.alloc(7);
  header.writeUInt16BE(transaction, 0);
  header.writeUInt16BE(pdu.length + 1, 4);
  header[6] = unit;
  return Buffer.concat([header, pdu]);
};
const rtu = (unit: number, pdu: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from([unit]), pdu]);
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE(checksum(body));
  return Buffer.concat([body, crc]);
};

const readPdus = fc
  .record({
    code: fc.constantFrom(1, 2, 3, 4, 5, 6),
    a: fc.integer({ min: 0, max: 255 }),
    n: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ code, a, n }) => Buffer.from([code, a, n, 0, n]));
const writePdus = fc
  .record({ code: fc.constantFrom(15, 16), data: fc.uint8Array({ minLength: 0, maxLength: 246 }) })
  .map(({ code, data }) => Buffer.from([code, 0, 0, 0, 1, data.length, ...data]));
const requests = fc.array(fc.record({ unit: fc.integer({ min: 1, max: 247 }), pdu: fc.oneof(readPdus, writePdus) }), {
  minLength: 1,
  maxLength: 5,
});

/** Feeds the bytes in pieces of these sizes, over and over, and collects the requests. */
function feed(framing: Framing, bytes: Buffer, sizes: readonly number[]): (Request | 'broken')[] {
  const found: (Request | 'broken')[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    framing.push(bytes.subarray(at, at + size));
    at += size;
    for (let next = framing.next(); next !== null; next = framing.next()) {
      found.push(next);
      if (next === 'broken') return found;
    }
  }
  return found;
}
const contentOf = (found: readonly (Request | 'broken')[]): unknown[] =>
  found.map((one) => (one === 'broken' ? one : { unit: one.unit, pdu: one.pdu.toString('hex') }));
const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });

test('the checksum of the standard’s example', () => {
  // 02 07 gives 41 12 on the wire (MODBUS over Serial Line v1.02, appendix B).
  expect(checksum(Buffer.from([2, 7]))).toBe(0x1241);
});

test.each([
  ['MBAP', createMbapFraming, (unit: number, pdu: Buffer, at: number) => mbap(at, unit, pdu)],
  ['RTU', createRtuFraming, rtu],
] as const)('%s: requests are found however their bytes are split and joined', (_, create, encode) => {
  fc.assert(
    fc.property(requests, pieces, (list, sizes) => {
      const bytes = Buffer.concat(list.map(({ unit, pdu }, at) => encode(unit, pdu, at)));
      const expected = list.map(({ unit, pdu }) => ({ unit, pdu: pdu.toString('hex') }));
      expect(contentOf(feed(create(), bytes, sizes))).toEqual(expected);
    }),
  );
});

describe('MBAP', () => {
  test('an answer repeats transaction and unit', () => {
    const [request] = feed(createMbapFraming(), mbap(0xbeef, 9, Buffer.from([3, 0, 0, 0, 1])), [100]);
    if (request === undefined || request === 'broken') throw new Error('no request');
    expect(request.reply(Buffer.from([3, 2, 0x12, 0x34])).toString('hex')).toBe('beef00000005090302' + '1234');
  });

  test.each([
    ['another protocol', '000100010006010300000001'],
    ['a length of nothing', '00010000000101'],
    ['a length that no request has', '0001000000ff010300000001'],
  ])('%s is nothing to go on from', (_, hex) => {
    expect(feed(createMbapFraming(), Buffer.from(hex, 'hex'), [100])).toEqual(['broken']);
  });
});

describe('RTU', () => {
  const read = rtu(7, Buffer.from([3, 0, 0, 0, 1]));

  test('noise before a request is skipped', () => {
    const found = feed(createRtuFraming(), Buffer.concat([Buffer.from([0x55, 0x03, 0xaa, 0x04, 0x00]), read]), [3]);
    expect(contentOf(found)).toEqual([{ unit: 7, pdu: '0300000001' }]);
  });

  test('a request with a wrong checksum is dropped, and the next one found', () => {
    const wrong = Buffer.from(read);
    wrong[7] = (wrong[7] ?? 0) ^ 1;
    expect(contentOf(feed(createRtuFraming(), Buffer.concat([wrong, read]), [100]))).toEqual([
      { unit: 7, pdu: '0300000001' },
    ]);
  });

  test('a function with an unknown length ends with the silence after it', () => {
    const framing = createRtuFraming();
    expect(feed(framing, rtu(7, Buffer.from([0x2b, 14, 1, 0])), [2])).toEqual([]);
    expect(framing.silence()).toMatchObject({ unit: 7, pdu: Buffer.from([0x2b, 14, 1, 0]) });
    expect(framing.size).toBe(0);
  });

  test('half a request is forgotten in silence, a whole one behind it is found', () => {
    const framing = createRtuFraming();
    feed(framing, read.subarray(0, 5), [5]);
    expect(framing.silence()).toBeNull();
    expect(framing.size).toBe(0);
    const halfWrite = Buffer.from([7, 16, 0, 0, 0, 100, 200]);
    expect(feed(framing, Buffer.concat([halfWrite, read]), [100])).toEqual([]);
    expect(framing.silence()).toMatchObject({ unit: 7, pdu: Buffer.from([3, 0, 0, 0, 1]) });
  });
});
