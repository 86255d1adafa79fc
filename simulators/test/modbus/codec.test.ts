import { byteOrders, characterPlaces, modbusTypes, registerCount, timeFormNames } from '@fieldline/shared/config';
import type { Value } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RegisterFormat, readRegisters, writeRegisters } from '../../src/modbus/codec.ts';
import { fitRegisters } from '../../src/modbus/fit-registers.ts';

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

const shapes = fc.record({
  type: fc.constantFrom(...modbusTypes),
  byteOrder: fc.constantFrom(...byteOrders),
  bit: fc.integer({ min: 0, max: 15 }),
  byte: fc.constantFrom('low' as const, 'high' as const),
  characters: fc.constantFrom(...characterPlaces),
  signed: fc.boolean(),
  timeForm: fc.constantFrom(...timeFormNames),
  utcOffsetMinutes: fc.integer({ min: -840, max: 840 }),
});

test('what is written is read back, for every type and byte order', () => {
  const numbers = fc.oneof(
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n }),
    fc.double({ noNaN: true, min: -1e30, max: 1e30 }),
  );
  fc.assert(
    fc.property(shapes, fc.integer({ min: 2, max: 4 }), numbers, (shape, decimalRegisters, value) => {
      const { type } = shape;
      const registers = type === 'string' ? 20 : decimalRegisters;
      const raw = fitRegisters({ ...shape, registers }, type === 'string' ? String(value).slice(0, 20) : value);
      const format = { ...shape, count: registerCount({ ...shape, registers }) };
      const isShared = ['bool', 'int8', 'uint8'].includes(type);
      const bytes = Buffer.alloc(60, isShared ? 0 : 0xff);
      writeRegisters(bytes, 4, format, raw);
      expect(readRegisters(bytes, 4, format)).toEqual(raw);
      if (!isShared) expect(bytes.subarray(4 + format.count * 2).every((byte) => byte === 0xff)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test('fields of bits share a register and do not disturb each other', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...byteOrders),
      fc.nat(15),
      fc.nat(255),
      fc.integer({ min: -8, max: 7 }),
      (byteOrder, ...raws) => {
        const fields = [
          { type: 'uint16', bits: [0, 3] },
          { type: 'uint16', bits: [4, 11] },
          { type: 'int16', bits: [12, 15] },
        ] as const;
        const bytes = Buffer.alloc(2);
        for (const [index, field] of fields.entries()) {
          writeRegisters(bytes, 0, { ...field, byteOrder, count: 1 }, raws[index] ?? 0);
        }
        expect(fields.map((field) => readRegisters(bytes, 0, { ...field, byteOrder, count: 1 }))).toEqual(raws);
      },
    ),
  );
});

test.each([
  ['ABCDEFGH', '0102030405060708'],
  ['GHEFCDAB', '0708050603040102'],
  ['BADCFEHG', '0201040306050807'],
  ['HGFEDCBA', '0807060504030201'],
  ['EFGHABCD', '0506070801020304'],
  ['CDABGHEF', '0304010207080506'],
  ['FEHGBADC', '0605080702010403'],
  ['DCBAHGFE', '0403020108070605'],
] as const)('byte order %s of 64 bits', (byteOrder, hex) => {
  const value = 0x0102_0304_0506_0708n;
  expect(hexOf({ type: 'uint64', byteOrder }, value)).toBe(hex);
  expect(readRegisters(Buffer.from(hex, 'hex'), 0, { type: 'uint64', byteOrder, count: 4 })).toBe(value);
});

test('a value beyond what narrow registers hold stops at their limit, a counter goes on from 0', () => {
  expect(fitRegisters({ type: 'bcd', registers: 1 }, 12_345.6)).toBe(9_999);
  expect(fitRegisters({ type: 'bcd', registers: 1 }, 12_345n)).toBe(2_345);
  expect(fitRegisters({ type: 'mod10000', registers: 3, signed: true }, -1e30)).toBe(-999_999_999_999n);
  expect(fitRegisters({ type: 'uint16', bits: [4, 7] }, 17n)).toBe(1);
  expect(() => fitRegisters({ type: 'uint24' }, '16777216')).toThrow('16777216 does not fit: 0 to 16777215');
});
