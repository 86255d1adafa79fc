import { type AnyByteOrder, modbusTagSchema } from '@fieldline/shared/config';
import type { Value } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecode, valueTypeOf } from '../../../src/drivers/modbus/decode.ts';
import { encode, toleranceOf } from '../../../src/drivers/modbus/encode.ts';

const settingOf = (tag: object) => {
  const parsed = modbusTagSchema.parse({ tag: 't', address: 0, ...tag });
  return { ...parsed, table: parsed.table ?? ('holding' as const) };
};
const hexOf = (tag: object, value: Value, order: AnyByteOrder = 'ABCD', power = 0): string | null => {
  const encoded = encode(settingOf(tag), order, value, power);
  return encoded === null ? null : encoded.words.map((word) => word.toString(16).padStart(4, '0')).join(' ');
};

describe('registers computed by hand', () => {
  test.each<[object, Value, string]>([
    [{ type: 'int16' }, -2, 'fffe'],
    [{ type: 'int16', byteOrder: 'BADC' }, -2, 'feff'],
    [{ type: 'uint32', byteOrder: 'CDAB' }, 0xaabb_ccdd, 'ccdd aabb'],
    [{ type: 'uint64' }, 18_446_744_073_709_551_614n, 'ffff ffff ffff fffe'],
    [{ type: 'uint64', byteOrder: 'EFGHABCD' }, 0x0001_0002_0003_0004n, '0003 0004 0001 0002'],
    [{ type: 'int48' }, -2n, 'ffff ffff fffe'],
    [{ type: 'float16' }, 1.5, '3e00'],
    [{ type: 'float32' }, Math.fround(123.456), '42f6 e979'],
    [{ type: 'int16', scale: 0.1 }, 21.5, '00d7'],
    [{ type: 'int16', scale: 0.1, offset: -40 }, -39.7, '0003'],
    [{ type: 'bcd', registers: 2 }, 12_345_678, '1234 5678'],
    [{ type: 'mod10000', registers: 2, signed: true }, -1_234_567, 'ff85 ee29'],
    [{ type: 'string', registers: 3 }, 'AUTO', '4155 544f 0000'],
    [{ type: 'string', registers: 2, byteOrder: 'BADC' }, 'AUTO', '5541 4f54'],
    [{ type: 'string', registers: 2, characters: 'low-byte' }, 'ON', '004f 004e'],
  ])('%j of %s', (tag, value, hex) => expect(hexOf(tag, value)).toBe(hex));

  test('with a scale factor', () => {
    expect(hexOf({ type: 'int16', scaleFactor: 1 }, 230.1, 'ABCD', -1)).toBe('08fd');
    expect(hexOf({ type: 'int16', scaleFactor: 1 }, 230_000, 'ABCD', 3)).toBe('00e6');
  });

  test.each<[object, Value, number, number]>([
    [{ type: 'bool', bit: 3 }, true, 0x0008, 0x0008],
    [{ type: 'bool', bit: 3, byteOrder: 'BADC' }, true, 0x0800, 0x0800],
    [{ type: 'bool', bit: 15 }, false, 0, 0x8000],
    [{ type: 'uint16', bits: [4, 7] }, 5, 0x0050, 0x00f0],
    [{ type: 'int16', bits: [4, 7] }, -1, 0x00f0, 0x00f0],
    [{ type: 'uint8', byte: 'high' }, 0xf3, 0xf300, 0xff00],
    [{ type: 'int8' }, -13, 0x00f3, 0x00ff],
  ])('%j of %s is a part of its register', (tag, value, word, mask) => {
    expect(encode(settingOf(tag), 'ABCD', value, 0)).toEqual({ words: [word], mask });
  });
});

test('what no registers hold is null, not something near', () => {
  expect(hexOf({ type: 'int16', scale: 0.1 }, 4_000)).toBeNull();
  expect(hexOf({ type: 'uint16', bits: [4, 7] }, 16)).toBeNull();
  expect(hexOf({ type: 'bcd', registers: 1 }, 10_000)).toBeNull();
  expect(hexOf({ type: 'mod10000', registers: 2 }, 100_000_000)).toBeNull();
  expect(hexOf({ type: 'mod10000', registers: 2 }, -1)).toBeNull();
  expect(hexOf({ type: 'string', registers: 2 }, 'Füllt')).toBeNull();
});

const orders = fc.constantFrom<AnyByteOrder>('ABCD', 'CDAB', 'BADC', 'DCBA');
const shapes: [object, fc.Arbitrary<Value>][] = [
  [{ type: 'int16' }, fc.integer({ min: -0x8000, max: 0x7fff })],
  [{ type: 'uint32' }, fc.integer({ min: 0, max: 0xffff_ffff })],
  [{ type: 'uint48' }, fc.bigInt(0n, 2n ** 48n - 1n)],
  [{ type: 'int64' }, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)],
  [{ type: 'float32' }, fc.float({ noNaN: true, noDefaultInfinity: true })],
  [{ type: 'float64' }, fc.double({ noNaN: true, noDefaultInfinity: true })],
  [{ type: 'bcd', registers: 4 }, fc.bigInt(0n, 10n ** 16n - 1n)],
  [{ type: 'mod10000', registers: 3, signed: true }, fc.bigInt(1n - 10n ** 12n, 10n ** 12n - 1n)],
  [{ type: 'string', registers: 5 }, fc.stringMatching(/^[!-~]{0,10}$/)],
];

test.each(shapes)('%j is read back as it was written, in every byte order', (tag, values) => {
  const setting = settingOf(tag);
  const decode = (order: AnyByteOrder) =>
    createDecode(setting, { device: 'd', tag: 't', type: valueTypeOf(setting) }, order);
  fc.assert(
    fc.property(values, orders, (value, order) => {
      const words = encode(setting, order, value, 0)?.words ?? [];
      const bytes = Buffer.alloc(words.length * 2);
      for (const [index, word] of words.entries()) bytes.writeUInt16BE(word, index * 2);
      const back = decode(order)(bytes, 0, 0).value;
      // −0 is 0.
      expect(typeof back === 'number' ? back + 0 : back).toBe(typeof value === 'number' ? value + 0 : value);
    }),
  );
});

test('every value that a scaled register can give can be written, and the ones between are told apart', () => {
  const setting = settingOf({ type: 'int16', scale: 0.1, offset: -40 });
  const tag = { device: 'd', tag: 't', type: 'float64' } as const;
  const decode = createDecode(setting, tag, 'ABCD');
  fc.assert(
    fc.property(fc.integer({ min: -0x8000, max: 0x7fff }), (raw) => {
      const bytes = Buffer.alloc(2);
      bytes.writeInt16BE(raw);
      const value = Number(decode(bytes, 0, 0).value);
      expect(encode(setting, 'ABCD', value, 0)?.words).toEqual([raw & 0xffff]);
      // As an operator writes it, with the digits of the scale alone.
      const typed = Number(value.toFixed(1));
      expect(Math.abs(typed - value)).toBeLessThanOrEqual(toleranceOf(setting, typed, 0));
      expect(0.03).toBeGreaterThan(toleranceOf(setting, value + 0.03, 0));
    }),
  );
});
