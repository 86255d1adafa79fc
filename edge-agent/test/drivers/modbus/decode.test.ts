import type { ByteOrder } from '@fieldline/shared/config';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf, goodValue, qualityOf, read } from './reading.ts';

describe('registers computed by hand', () => {
  test.each<[string, string, ByteOrder, unknown]>([
    ['uint16', '1234', 'ABCD', 0x1234],
    ['uint16', '1234', 'CDAB', 0x1234],
    ['uint16', '3412', 'BADC', 0x1234],
    ['uint16', '3412', 'DCBA', 0x1234],
    ['uint16', 'ffff', 'ABCD', 65_535],
    ['int16', 'fffe', 'ABCD', -2],
    ['int16', '8000', 'ABCD', -32_768],
    ['int16', 'feff', 'DCBA', -2],
    ['uint32', 'aabb ccdd', 'ABCD', 2_864_434_397],
    ['uint32', 'ccdd aabb', 'CDAB', 2_864_434_397],
    ['uint32', 'bbaa ddcc', 'BADC', 2_864_434_397],
    ['uint32', 'ddcc bbaa', 'DCBA', 2_864_434_397],
    ['int32', 'aabb ccdd', 'ABCD', -1_430_532_899],
    ['int32', 'ccdd aabb', 'CDAB', -1_430_532_899],
    ['int32', 'bbaa ddcc', 'BADC', -1_430_532_899],
    ['int32', 'ddcc bbaa', 'DCBA', -1_430_532_899],
    ['float32', '42f6 e979', 'ABCD', Math.fround(123.456)],
    ['float32', 'e979 42f6', 'CDAB', Math.fround(123.456)],
    ['float32', 'f642 79e9', 'BADC', Math.fround(123.456)],
    ['float32', '79e9 f642', 'DCBA', Math.fround(123.456)],
    ['float64', '4009 21fb 5444 2d18', 'ABCD', Math.PI],
    ['float64', '2d18 5444 21fb 4009', 'CDAB', Math.PI],
    ['float64', '0940 fb21 4454 182d', 'BADC', Math.PI],
    ['float64', '182d 4454 fb21 0940', 'DCBA', Math.PI],
    ['int64', 'fedc ba98 7654 3210', 'ABCD', -81_985_529_216_486_896n],
    ['int64', '3210 7654 ba98 fedc', 'CDAB', -81_985_529_216_486_896n],
    ['int64', 'dcfe 98ba 5476 1032', 'BADC', -81_985_529_216_486_896n],
    ['int64', '1032 5476 98ba dcfe', 'DCBA', -81_985_529_216_486_896n],
    ['uint64', '0020 0000 0000 0001', 'ABCD', 9_007_199_254_740_993n],
    ['uint64', '0001 0000 0000 0020', 'CDAB', 9_007_199_254_740_993n],
    ['uint64', 'ffff ffff ffff ffff', 'DCBA', 18_446_744_073_709_551_615n],
  ])('%s in %s, order %s', (type, registers, order, value) => {
    expect(goodValue({ type }, registers, order)).toBe(value);
  });

  test('the byte order of the tag goes before that of the device', () => {
    expect(goodValue({ type: 'uint32', byteOrder: 'CDAB' }, '0001 0000', 'ABCD')).toBe(1);
  });

  test('a tag is read from its own place in the reply', () => {
    expect(read({ type: 'uint16' }, bytesOf('0001 0002 0003'), 'ABCD', 2).value).toBe(3);
    expect(read({ type: 'int32' }, bytesOf('0001 0000 0003'), 'CDAB', 1).value).toBe(0x3_0000);
  });
});

describe('bits', () => {
  test.each([
    [0, true],
    [3, true],
    [7, false],
    [9, true],
    [15, false],
  ])('bit %i of register 0000 0010 0000 1001', (bit, value) => {
    expect(goodValue({ type: 'bool', bit }, '0209')).toBe(value);
  });

  test('a register with swapped bytes has swapped bits', () => {
    expect(goodValue({ type: 'bool', bit: 0 }, '0100', 'BADC')).toBe(true);
  });

  test('coils stand from the lowest bit of the first byte on', () => {
    const coils = Array.from({ length: 12 }, (_, index) => {
      return read({ table: 'coil', type: 'bool' }, Buffer.from([0b1000_0001, 0b0000_1010]), 'ABCD', index).value;
    });
    expect(coils.map(Number).join('')).toBe('100000010101');
  });
});

describe('text', () => {
  test.each([
    ['5055 4d50 2037', 'PUMP 7'],
    ['5055 4d50 0000', 'PUMP'],
    ['5055 4d00 5858', 'PUM'],
    ['5055 4d20 2020', 'PUM'],
    ['2050 5520 0000', ' PU'],
    ['0000 0000 0000', ''],
    ['c2b0 4300 0000', '°C'],
    ['b043 0000 0000', '°C'],
  ])('%s is "%s"', (registers, text) => {
    expect(goodValue({ type: 'string', registers: 3 }, registers)).toBe(text);
  });

  test('of a device that swaps the bytes of its registers', () => {
    const data = bytesOf('5550 504d');
    expect(read({ type: 'string', registers: 2 }, data, 'BADC').value).toBe('PUMP');
    expect(read({ type: 'string', registers: 2 }, data, 'DCBA').value).toBe('PUMP');
    expect(data.toString('hex'), 'the reply itself stays as it came').toBe('5550504d');
  });
});

describe('scale and offset', () => {
  test('give a float64, whatever the registers hold', () => {
    expect(read({ type: 'int16', scale: 0.5, offset: -40 }, bytesOf('0064'))).toEqual({
      value: 10,
      quality: 'good',
      type: 'float64',
    });
    expect(read({ type: 'uint64', scale: 0.001 }, bytesOf('0000 0000 0000 03e8')).value).toBe(1);
    expect(read({ type: 'uint32', offset: 1 }, bytesOf('ffff ffff')).value).toBe(4_294_967_296);
  });

  test('without them the type stays', () => {
    expect(read({ type: 'uint64' }, bytesOf('0000 0000 0000 0001'))).toMatchObject({ value: 1n, type: 'uint64' });
  });
});

describe('what is no value', () => {
  test.each([
    ['float32', '7fc0 0000'],
    ['float32', '7f80 0000'],
    ['float64', 'fff0 0000 0000 0000'],
  ])('%s %s is not a number', (type, registers) => {
    expect(qualityOf({ type }, registers)).toBe('bad/not-a-number');
  });

  test('a number that overflows by its scale is not a number either', () => {
    expect(qualityOf({ type: 'float64', scale: 1e300 }, '7fe0 0000 0000 0000')).toBe('bad/not-a-number');
  });

  test.each<[string, string, unknown[], string]>([
    ['int16', '8000', [0x8000], 'bad/not-available'],
    ['int16', '8000', [-32_768], 'bad/not-available'],
    ['int16', '7fff', [0x8000], 'good'],
    ['uint32', 'ffff ffff', ['0xFFFFFFFF'], 'bad/not-available'],
    ['int64', '8000 0000 0000 0000', ['0x8000000000000000'], 'bad/not-available'],
    ['uint64', 'ffff ffff ffff ffff', ['0xFFFFFFFFFFFFFFFF'], 'bad/not-available'],
    ['uint64', 'ffff ffff ffff fffe', ['0xFFFFFFFFFFFFFFFF'], 'good'],
    ['float32', '7fc0 0000', [0x7fc0_0000], 'bad/not-available'],
    ['float32', 'c61c 3c00', [-9999], 'bad/not-available'],
    ['float32', '42f6 e979', [123.456], 'bad/not-available'],
    ['float64', 'c0c3 8780 0000 0000', [-9999], 'bad/not-available'],
  ])('%s %s with notAvailable %j is %s', (type, registers, notAvailable, quality) => {
    expect(qualityOf({ type, notAvailable }, registers)).toBe(quality);
  });

  test('a bit of a register that holds the sign for "no value"', () => {
    expect(qualityOf({ type: 'bool', bit: 3, notAvailable: [0xffff] }, 'ffff')).toBe('bad/not-available');
    expect(qualityOf({ type: 'bool', bit: 3, notAvailable: [0xffff] }, '0008')).toBe('good');
  });

  test('the sign is compared with the raw registers, in the order of the bytes, before the scale', () => {
    const settings = { type: 'int32', scale: 0.1, notAvailable: ['0x80000000'] };
    expect(read(settings, bytesOf('0000 8000'), 'CDAB').quality).toBe('bad/not-available');
  });
});

/** How a device lays out the bytes of one number: the rule of the settings, written the other way round. */
function registersOf(bigEndian: Buffer, order: ByteOrder): Buffer {
  const words = Array.from({ length: bigEndian.length / 2 }, (_, n) => bigEndian.subarray(2 * n, 2 * n + 2));
  if (order === 'CDAB' || order === 'DCBA') words.reverse();
  const bytes = Buffer.concat(words);
  return order === 'BADC' || order === 'DCBA' ? bytes.swap16() : bytes;
}

describe('every number', () => {
  const orders = fc.constantFrom<ByteOrder>('ABCD', 'CDAB', 'BADC', 'DCBA');

  test('of 64 bits keeps all of them, in all orders', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), orders, (value, order) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64BE(value);
        const data = registersOf(bytes, order);
        expect(read({ type: 'uint64' }, data, order).value).toBe(value);
        expect(read({ type: 'int64' }, data, order).value).toBe(BigInt.asIntN(64, value));
      }),
    );
  });

  test('of 32 and 16 bits is read as it was written', () => {
    fc.assert(
      fc.property(fc.integer(), fc.float({ noNaN: true, noDefaultInfinity: true }), orders, (whole, float, order) => {
        const bytes = Buffer.alloc(4);
        bytes.writeInt32BE(whole);
        expect(read({ type: 'int32' }, registersOf(bytes, order), order).value).toBe(whole);
        expect(read({ type: 'int16' }, registersOf(bytes.subarray(2), order), order).value).toBe((whole << 16) >> 16);
        bytes.writeFloatBE(float);
        expect(read({ type: 'float32' }, registersOf(bytes, order), order).value).toBe(float);
      }),
    );
  });
});
