import { byteOrders, modbusTypes, registerCount } from '@fieldline/shared/config';
import type { Value } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fit } from '../../src/fit.ts';
import { type RegisterFormat, readRegisters, writeRegisters } from '../../src/modbus/codec.ts';

const hexOf = (format: Omit<RegisterFormat, 'count'>, raw: Value, registers?: number): string => {
  const count = registerCount({ type: format.type, registers });
  const bytes = Buffer.alloc(count * 2);
  writeRegisters(bytes, 0, { ...format, count }, raw);
  return bytes.toString('hex');
};

test.each([
  ['ABCD', 'aabbccdd', '0102030405060708', '4142434400'],
  ['CDAB', 'ccddaabb', '0708050603040102', '4142434400'],
  ['BADC', 'bbaaddcc', '0201040306050807', '4241444300'],
  ['DCBA', 'ddccbbaa', '0807060504030201', '4241444300'],
] as const)('byte order %s', (byteOrder, two, four, text) => {
  expect(hexOf({ type: 'uint32', byteOrder }, 0xaabb_ccdd)).toBe(two);
  expect(hexOf({ type: 'uint64', byteOrder }, 0x0102_0304_0506_0708n)).toBe(four);
  expect(hexOf({ type: 'string', byteOrder }, 'ABCD', 3).slice(0, 10)).toBe(text);
});

test('one register knows only the swap of its bytes', () => {
  expect(byteOrders.map((byteOrder) => hexOf({ type: 'uint16', byteOrder }, 0x0102))).toEqual([
    '0102',
    '0102',
    '0201',
    '0201',
  ]);
  expect(byteOrders.map((byteOrder) => hexOf({ type: 'bool', byteOrder, bit: 9 }, true))).toEqual([
    '0200',
    '0200',
    '0002',
    '0002',
  ]);
});

test('the floats of IEEE 754', () => {
  expect(hexOf({ type: 'float32', byteOrder: 'ABCD' }, 231.5)).toBe('43678000');
  expect(hexOf({ type: 'float64', byteOrder: 'ABCD' }, -2)).toBe('c000000000000000');
});

test('bits of one register do not disturb each other', () => {
  const bytes = Buffer.alloc(2);
  for (const bit of [0, 15, 8]) writeRegisters(bytes, 0, { type: 'bool', byteOrder: 'ABCD', count: 1, bit }, true);
  writeRegisters(bytes, 0, { type: 'bool', byteOrder: 'ABCD', count: 1, bit: 3 }, false);
  expect(bytes.readUInt16BE(0)).toBe(0b1000_0001_0000_0001);
});

test('what is written is read back, for every type and byte order', () => {
  const numbers = fc.oneof(
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n }),
    fc.double({ noNaN: true, min: -1e30, max: 1e30 }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...modbusTypes),
      fc.constantFrom(...byteOrders),
      fc.integer({ min: 0, max: 15 }),
      numbers,
      (type, byteOrder, bit, value) => {
        const raw = fit(type, type === 'string' ? String(value).slice(0, 20) : value);
        const format = { type, byteOrder, bit, count: registerCount({ type, registers: 10 }) };
        const bytes = Buffer.alloc(30, type === 'bool' ? 0 : 0xff);
        writeRegisters(bytes, 4, format, raw);
        expect(readRegisters(bytes, 4, format)).toEqual(raw);
        if (type !== 'bool') expect(bytes.subarray(4 + format.count * 2).every((byte) => byte === 0xff)).toBe(true);
      },
    ),
  );
});
