import type { AnyByteOrder } from '@fieldline/shared/config';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf, goodValue, qualityOf, read, valuesOf } from './reading.ts';

describe('numbers computed by hand', () => {
  test.each<[object, string, unknown]>([
    [{ type: 'uint8' }, '12f3', 0xf3],
    [{ type: 'int8' }, '12f3', -13],
    [{ type: 'uint8', byte: 'high' }, 'f312', 0xf3],
    [{ type: 'int8', byte: 'high' }, 'f312', -13],
    [{ type: 'int8', byteOrder: 'BADC' }, 'f312', -13],
    [{ type: 'int8', byte: 'high', byteOrder: 'BADC' }, '12f3', -13],
    // Whatever stands in the highest byte of two registers is not looked at.
    [{ type: 'uint24' }, '00ff ffff', 16_777_215],
    [{ type: 'int24' }, 'ffff fffe', -2],
    [{ type: 'int24' }, '7f80 0000', -8_388_608],
    [{ type: 'int24', byteOrder: 'CDAB' }, 'fffe 00ff', -2],
    [{ type: 'uint48' }, 'ffff ffff ffff', 281_474_976_710_655n],
    [{ type: 'int48' }, 'ffff ffff fffe', -2n],
    [{ type: 'uint48', byteOrder: 'CDAB' }, '0003 0002 0001', 0x0001_0002_0003n],
    [{ type: 'uint48', byteOrder: 'DCBA' }, '0300 0200 0100', 0x0001_0002_0003n],
    // IEEE 754: 1.5 is 0x3E00; the largest is 65504, the smallest 2^-24.
    [{ type: 'float16' }, '3e00', 1.5],
    [{ type: 'float16' }, 'c000', -2],
    [{ type: 'float16' }, '7bff', 65_504],
    [{ type: 'float16' }, '0001', 2 ** -24],
    [{ type: 'float16' }, '03ff', 1023 * 2 ** -24],
    [{ type: 'float16', byteOrder: 'BADC' }, '003e', 1.5],
    [{ type: 'bcd', registers: 1 }, '1234', 1_234],
    [{ type: 'bcd', registers: 2 }, '1234 5678', 12_345_678],
    [{ type: 'bcd', registers: 2, byteOrder: 'CDAB' }, '5678 1234', 12_345_678],
    [{ type: 'bcd', registers: 3 }, '1234 5678 9012', 123_456_789_012n],
    [{ type: 'bcd', registers: 4 }, '9999 9999 9999 9999', 9_999_999_999_999_999n],
    [{ type: 'bcd', registers: 4, byteOrder: 'GHEFCDAB' }, '0004 0003 0002 0001', 1_000_200_030_004n],
    // Schneider Electric FA146443: 1700–1703 hold 4567, 0123, 0, 0, the lowest first: 1,234,567 Wh.
    [{ type: 'mod10000', registers: 4, byteOrder: 'CDAB' }, '11d7 007b 0000 0000', 1_234_567n],
    [{ type: 'mod10000', registers: 3 }, '0001 270f 0000', 199_990_000n],
    [{ type: 'mod10000', registers: 4 }, '270f 270f 270f 270f', 9_999_999_999_999_999n],
    [{ type: 'mod10000', registers: 2 }, '007b 11d7', 1_234_567],
    [{ type: 'mod10000', registers: 2, signed: true }, 'ff85 ee29', -1_234_567],
    [{ type: 'mod10000', registers: 4, signed: true }, '0000 0000 ff85 ee29', -1_234_567n],
    [{ type: 'mod10000', registers: 4, signed: true }, 'ffff 0000 0000 ffff', -1_000_000_000_001n],
  ])('%j of %s', (settings, registers, value) => {
    expect(goodValue(settings, registers)).toBe(value);
  });

  test('travel as the type that holds all of them', () => {
    const typeOf = (settings: object) => read(settings, Buffer.alloc(12)).type;
    expect(typeOf({ type: 'int24' })).toBe('int32');
    expect(typeOf({ type: 'uint48' })).toBe('uint64');
    expect(typeOf({ type: 'float16' })).toBe('float32');
    expect(typeOf({ type: 'bcd', registers: 1 })).toBe('uint16');
    expect(typeOf({ type: 'bcd', registers: 3 })).toBe('uint64');
    expect(typeOf({ type: 'mod10000', registers: 2, signed: true })).toBe('int32');
    expect(typeOf({ type: 'mod10000', registers: 4 })).toBe('uint64');
    expect(typeOf({ type: 'time', timeForm: 'bcd' })).toBe('int64');
  });
});

describe('fields of bits', () => {
  test.each<[object, string, unknown]>([
    [{ type: 'uint16', bits: [4, 7] }, '12a4', 0xa],
    [{ type: 'int16', bits: [4, 7] }, '12a4', -6],
    [{ type: 'int16', bits: [0, 11] }, '1fff', -1],
    [{ type: 'uint16', bits: [0, 15] }, 'ffff', 65_535],
    [{ type: 'uint16', bits: [15, 15] }, '8000', 1],
    [{ type: 'uint32', bits: [0, 31] }, 'ffff ffff', 4_294_967_295],
    [{ type: 'uint32', bits: [12, 19], byteOrder: 'CDAB' }, 'a000 000b', 0xba],
    [{ type: 'uint64', bits: [60, 63] }, 'c000 0000 0000 0000', 12n],
    [{ type: 'int64', bits: [8, 15] }, '0000 0000 0000 fe00', -2n],
    [{ type: 'uint16', bits: [4, 7], byteOrder: 'BADC' }, 'a412', 0xa],
  ])('%j of %s', (settings, registers, value) => {
    expect(goodValue(settings, registers)).toBe(value);
  });

  test('may be scaled, and the sign for "no value" is that of the whole register', () => {
    const settings = { type: 'uint16', bits: [0, 7], scale: 0.5, notAvailable: [0xffff] };
    expect(goodValue(settings, '10ff')).toBe(127.5);
    expect(qualityOf(settings, 'ffff')).toBe('bad/not-available');
  });
});

describe('the orders of 64 bits', () => {
  test.each<[AnyByteOrder, string]>([
    ['ABCDEFGH', '0102 0304 0506 0708'],
    ['GHEFCDAB', '0708 0506 0304 0102'],
    ['BADCFEHG', '0201 0403 0605 0807'],
    ['HGFEDCBA', '0807 0605 0403 0201'],
    ['EFGHABCD', '0506 0708 0102 0304'],
    ['CDABGHEF', '0304 0102 0708 0506'],
    ['FEHGBADC', '0605 0807 0201 0403'],
    ['DCBAHGFE', '0403 0201 0807 0605'],
  ])('%s', (byteOrder, registers) => {
    expect(goodValue({ type: 'uint64', byteOrder }, registers)).toBe(0x0102_0304_0506_0708n);
  });

  test('the short names say the same as the first four long ones', () => {
    const pairs = { ABCD: 'ABCDEFGH', CDAB: 'GHEFCDAB', BADC: 'BADCFEHG', DCBA: 'HGFEDCBA' };
    for (const [short, long] of Object.entries(pairs)) {
      const values = [short, long].map((byteOrder) => goodValue({ type: 'int64', byteOrder }, 'fedc ba98 7654 3210'));
      expect(values[0]).toBe(values[1]);
    }
  });
});

describe('registers that are none of their code', () => {
  test.each<[object, string, string]>([
    [{ type: 'bcd', registers: 1 }, '123a', 'bad/type'],
    [{ type: 'bcd', registers: 2 }, 'a000 0000', 'bad/type'],
    [{ type: 'bcd', registers: 4 }, '0000 0000 00f0 0000', 'bad/type'],
    [{ type: 'bcd', registers: 2, notAvailable: ['0xFFFFFFFF'] }, 'ffff ffff', 'bad/not-available'],
    [{ type: 'mod10000', registers: 2 }, '0000 2710', 'bad/type'],
    [{ type: 'mod10000', registers: 4 }, 'ffff ffff ffff ffff', 'bad/type'],
    [{ type: 'mod10000', registers: 3, signed: true }, '0001 0000 ffff', 'bad/type'],
    [{ type: 'mod10000', registers: 3, signed: true }, 'd8f0 0000 0000', 'bad/type'],
    [{ type: 'mod10000', registers: 3, notAvailable: ['0xFFFFFFFFFFFF'] }, 'ffff ffff ffff', 'bad/not-available'],
    [{ type: 'float16' }, '7c00', 'bad/not-a-number'],
    [{ type: 'float16' }, '7e01', 'bad/not-a-number'],
    [{ type: 'float16', notAvailable: [-9_999] }, 'f0e2', 'bad/not-available'],
    [{ type: 'uint16', notAvailable: [-1] }, 'ffff', 'bad/not-available'],
    [{ type: 'int8', notAvailable: [0x80] }, '0080', 'bad/not-available'],
    [{ type: 'int8', byte: 'high', notAvailable: [0x80] }, '8000', 'bad/not-available'],
    [{ type: 'int8', byte: 'high', notAvailable: [0x80] }, '0080', 'good'],
    [{ type: 'uint24', notAvailable: [0xff_ffff] }, '00ff ffff', 'bad/not-available'],
  ])('%j of %s is %s', (settings, registers, quality) => {
    expect(qualityOf(settings, registers)).toBe(quality);
  });
});

describe('text in other layouts', () => {
  test.each<[object, string, string]>([
    [{ characters: 'high-byte' }, '5000 5500 4d00', 'PUM'],
    [{ characters: 'low-byte' }, '0050 0055 0000', 'PU'],
    [{ characters: 'low-byte', byteOrder: 'BADC' }, '5000 5500 4d00', 'PUM'],
    [{ characters: 'high-byte' }, '5012 5534 2056', 'PU'],
    [{}, '5055 4dff ffff', 'PUM'],
    [{}, 'ffff ffff ffff', ''],
    [{ byteOrder: 'DCBA' }, '5550 004d 0000', 'PUM'],
  ])('%j of %s is "%s"', (settings, registers, text) => {
    expect(goodValue({ type: 'string', registers: 3, ...settings }, registers)).toBe(text);
  });
});

/** A number written by a DataView, as the registers of the order: `letters` says where each byte stands. */
function laidOut(sizeBytes: number, write: (view: DataView) => void, letters: string): Buffer {
  const view = new DataView(new ArrayBuffer(sizeBytes));
  write(view);
  return Buffer.from(Array.from(letters, (letter) => view.getUint8(letter.charCodeAt(0) - 65)));
}
/** The bytes of the short orders spelled out for every size. */
const spelled: Record<string, readonly string[]> = {
  ABCD: ['AB', 'ABCD', 'ABCDEF', 'ABCDEFGH'],
  CDAB: ['AB', 'CDAB', 'EFCDAB', 'GHEFCDAB'],
  BADC: ['BA', 'BADC', 'BADCFE', 'BADCFEHG'],
  DCBA: ['BA', 'DCBA', 'FEDCBA', 'HGFEDCBA'],
};
const shortOrders = fc.constantFrom('ABCD', 'CDAB', 'BADC', 'DCBA');
const longOrders = fc.constantFrom('EFGHABCD', 'CDABGHEF', 'FEHGBADC', 'DCBAHGFE', 'GHEFCDAB', 'HGFEDCBA');

describe('every value is read as a DataView wrote it', () => {
  test('of 64 bits, in the long orders too', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.double(), longOrders, (whole, float, byteOrder) => {
        const data = laidOut(8, (view) => view.setBigUint64(0, whole), byteOrder);
        expect(read({ type: 'uint64', byteOrder }, data).value).toBe(whole);
        expect(read({ type: 'int64', byteOrder }, data).value).toBe(BigInt.asIntN(64, whole));
        const bytes = laidOut(8, (view) => view.setFloat64(0, float), byteOrder);
        expect(read({ type: 'float64', byteOrder }, bytes).value).toBe(Number.isFinite(float) ? float : null);
      }),
    );
  });

  test('of 8, 16, 24 and 48 bits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), shortOrders, (whole, byteOrder) => {
        const [one = '', two = '', three = ''] = spelled[byteOrder] ?? [];
        const big = BigInt(whole);
        const words = (count: number) => (view: DataView) => {
          for (let n = 0; n < count; n++)
            view.setUint16(n * 2, Number((big >> BigInt(16 * (count - 1 - n))) & 0xffffn));
        };
        const [data1, data2, data3] = [
          laidOut(2, words(1), one),
          laidOut(4, words(2), two),
          laidOut(6, words(3), three),
        ];
        expect(read({ type: 'uint48', byteOrder }, data3).value).toBe(big);
        expect(read({ type: 'int48', byteOrder }, data3).value).toBe(BigInt.asIntN(48, big));
        expect(read({ type: 'uint24', byteOrder }, data2).value).toBe(Number(BigInt.asUintN(24, big)));
        expect(read({ type: 'int24', byteOrder }, data2).value).toBe(Number(BigInt.asIntN(24, big)));
        expect(read({ type: 'int8', byteOrder }, data1).value).toBe(Number(BigInt.asIntN(8, big)));
        expect(read({ type: 'uint8', byte: 'high', byteOrder }, data1).value).toBe(
          Number(BigInt.asUintN(8, big >> 8n)),
        );
      }),
    );
  });

  test('each of the 65,536 patterns of float16', () => {
    const patterns = Array.from({ length: 65_536 }, (_, pattern) =>
      laidOut(2, (view) => view.setUint16(0, pattern), 'AB'),
    );
    const numbers = patterns.map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, 2).getFloat16(0));
    const expected = numbers.map((number) => (Number.isFinite(number) ? number : null));
    expect(valuesOf({ type: 'float16' }, patterns)).toEqual(expected);
  });

  test('fields of bits, cut out of the binary digits of the whole', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(63), fc.nat(63), (whole, one, other) => {
        const bits = [Math.min(one, other), Math.max(one, other)];
        const digits = whole.toString(2).padStart(64, '0');
        const field = BigInt(`0b${digits.slice(63 - (bits[1] ?? 0), 64 - (bits[0] ?? 0))}`);
        const data = laidOut(8, (view) => view.setBigUint64(0, whole), 'ABCDEFGH');
        expect(read({ type: 'uint64', bits }, data).value).toBe(field);
        if ((bits[1] ?? 0) < 32) expect(read({ type: 'uint32', bits }, data.subarray(4)).value).toBe(Number(field));
      }),
    );
  });

  test('decimals, from their digits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        fc.bigInt({ min: 0n, max: 10n ** 16n - 1n }),
        shortOrders,
        (registers, whole, byteOrder) => {
          const value = whole % 10n ** BigInt(4 * registers);
          const digits = value.toString().padStart(4 * registers, '0');
          const words = digits.match(/..../g) ?? [];
          const order = spelled[byteOrder]?.[registers - 1] ?? '';
          const put = (as: (word: string) => number) => (view: DataView) => {
            for (const [n, word] of words.entries()) view.setUint16(2 * n, as(word));
          };
          const expected = registers === 2 ? Number(value) : value;
          const bcd = laidOut(
            2 * registers,
            put((word) => Number.parseInt(word, 16)),
            order,
          );
          expect(read({ type: 'bcd', registers, byteOrder }, bcd).value).toBe(expected);
          const mod10000 = laidOut(2 * registers, put(Number), order);
          expect(read({ type: 'mod10000', registers, byteOrder }, mod10000).value).toBe(expected);
          const negative = laidOut(
            2 * registers,
            put((word) => -Number(word)),
            order,
          );
          expect(read({ type: 'mod10000', registers, signed: true, byteOrder }, negative).value).toBe(
            registers === 2 ? 0 - Number(value) : -value,
          );
        },
      ),
    );
  });
});

test('a reply stays as it came, and others in it are not disturbed', () => {
  const data = bytesOf('0001 0002 0003 0004 0005 0006 0007');
  const before = data.toString('hex');
  expect(read({ type: 'uint64', byteOrder: 'FEHGBADC' }, data, 'ABCD', 2).value).toBe(0x0500_0600_0300_0400n);
  expect(data.toString('hex')).toBe(before);
});
