import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOf, goodValue, qualityOf, read } from './reading.ts';

describe('rounding and limits', () => {
  test.each<[object, string, unknown]>([
    [{ type: 'uint16', scale: 0.1, decimals: 1 }, '0003', 0.3],
    [{ type: 'int16', scale: 0.5, decimals: 0 }, '0005', 3],
    [{ type: 'int16', scale: 0.5, decimals: 0 }, 'fffb', -3],
    [{ type: 'float32', decimals: 2 }, '42f6 e979', 123.46],
    [{ type: 'float64', decimals: 2 }, '7fe0 0000 0000 0000', 2 ** 1023],
    [{ type: 'int16', clamp: [0, 100] }, 'ffff', 0],
    [{ type: 'int16', clamp: [0, 100] }, '0065', 100],
    [{ type: 'int16', clamp: [0, 100] }, '0064', 100],
    [{ type: 'uint64', clamp: [1, 5] }, 'ffff ffff ffff ffff', 5n],
    [{ type: 'uint64', clamp: [1, 5] }, '0000 0000 0000 0000', 1n],
    [{ type: 'bcd', registers: 1, clamp: [0, 50] }, '0051', 50],
    [{ type: 'float32', clamp: [0, 1] }, '3f80 0001', 1],
    // First scale, then offset, then rounding, then the limits.
    [{ type: 'int16', scale: 0.1, offset: -0.04, decimals: 1, clamp: [0, 10.25] }, '0066', 10.2],
    [{ type: 'int16', scale: 0.1, offset: 0.06, decimals: 1, clamp: [0, 10.25] }, '0066', 10.25],
  ])('%j of %s', (settings, registers, value) => {
    expect(goodValue(settings, registers)).toBe(value);
  });

  test('a number with decimals travels as float64, one with limits keeps its type', () => {
    expect(read({ type: 'float32', decimals: 1 }, Buffer.alloc(4)).type).toBe('float64');
    expect(read({ type: 'float32', clamp: [0, 1] }, Buffer.alloc(4)).type).toBe('float32');
    expect(read({ type: 'int64', clamp: [0, 1] }, Buffer.alloc(8)).type).toBe('int64');
  });

  test('what is no value is not made one by the limits', () => {
    expect(qualityOf({ type: 'float32', clamp: [0, 1] }, '7fc0 0000')).toBe('bad/not-a-number');
    expect(qualityOf({ type: 'int16', clamp: [0, 1], notAvailable: [0x8000] }, '8000')).toBe('bad/not-available');
  });

  test('an infinity is no reading of the limit', () => {
    expect(qualityOf({ type: 'float32', clamp: [0, 1] }, '7f80 0000')).toBe('bad/not-a-number');
  });
});

describe('a whole number with a decimal scale', () => {
  test.each<[object, string, unknown]>([
    [{ type: 'uint16', scale: 0.1 }, '0035', 5.3],
    [{ type: 'int16', scale: 0.1 }, 'ffcb', -5.3],
    [{ type: 'int32', scale: 0.001, offset: -0.1 }, '0000 0065', 0.001],
    [{ type: 'uint16', scale: 1e-7 }, '0003', 3e-7],
    [{ type: 'uint16', scale: 1 / 3 }, '0002', 2 / 3],
    [{ type: 'bcd', registers: 1, scale: 0.01 }, '0110', 1.1],
    [{ type: 'uint64', scale: 0.1 }, 'ffff ffff ffff ffff', 2 ** 64 * 0.1],
    // What a float holds is multiplied as it is.
    [{ type: 'float64', scale: 0.1 }, '404a 8000 0000 0000', 53 * 0.1],
  ])('%j of %s', (settings, registers, value) => {
    expect(goodValue(settings, registers)).toBe(value);
  });

  test('is the decimal that was meant, whatever the digits', () => {
    const places = fc.integer({ min: 0, max: 6 });
    const whole = fc.integer({ min: -99_999, max: 99_999 });
    fc.assert(
      fc.property(whole, whole, places, whole, places, (raw, scaleUnits, scalePlaces, offsetUnits, offsetPlaces) => {
        fc.pre(scaleUnits !== 0);
        const [scale, offset] = [Number(`${scaleUnits}e-${scalePlaces}`), Number(`${offsetUnits}e-${offsetPlaces}`)];
        const data = Buffer.alloc(4);
        data.writeInt32BE(raw);
        const units =
          BigInt(raw) * BigInt(scaleUnits) * 10n ** BigInt(6 - scalePlaces) +
          BigInt(offsetUnits) * 10n ** BigInt(6 - offsetPlaces);
        expect(Number(read({ type: 'int32', scale, offset }, data).value) + 0).toBe(Number(`${units}e-6`));
      }),
    );
  });

  test('with a scale factor too', () => {
    const place = { valueAt: 0, factorAt: 1 };
    const settings = { type: 'uint16', scaleFactor: 1, scale: 0.1 };
    expect(read(settings, bytesOf('0035 ffff'), 'ABCD', 0, place).value).toBe(0.53);
    expect(read(settings, bytesOf('0035 0001'), 'ABCD', 0, place).value).toBe(53);
    expect(read(settings, bytesOf('0035 0003'), 'ABCD', 0, place).value).toBe(5_300);
  });
});

describe('the scale factor of SunSpec', () => {
  /** The factor stands two registers behind the value. */
  const scaled = (registers: string, settings: object = {}) =>
    read({ type: 'uint16', scaleFactor: 2, ...settings }, bytesOf(registers), 'ABCD', 0, { valueAt: 0, factorAt: 2 });

  test.each<[string, unknown, string]>([
    // 2305 with a factor of −1 is 230.5 V.
    ['0901 0000 ffff', 230.5, 'good'],
    ['0901 0000 0000', 2305, 'good'],
    ['0901 0000 0002', 230_500, 'good'],
    ['0003 0000 fff6', 3e-10, 'good'],
    ['0003 0000 000a', 3e10, 'good'],
    ['0901 0000 8000', null, 'bad/not-available'],
    ['0901 0000 000b', null, 'bad/type'],
    ['0901 0000 fff5', null, 'bad/type'],
  ])('of registers %s gives %s, %s', (registers, value, quality) => {
    expect(scaled(registers)).toEqual({ value, quality, type: 'float64' });
  });

  test('comes before scale and offset', () => {
    expect(scaled('0901 0000 ffff', { scale: 0.001, offset: 1 }).value).toBe(230.5 * 0.001 + 1);
  });

  test('a value that is not available stays so, whatever the factor', () => {
    expect(scaled('ffff 0000 ffff', { notAvailable: [0xffff] }).quality).toBe('bad/not-available');
  });

  test('may stand before the value, and is swapped as the registers of the device are', () => {
    const setting = { type: 'int32', scaleFactor: 0, byteOrder: 'DCBA' };
    const place = { valueAt: 1, factorAt: 0 };
    expect(read(setting, bytesOf('ffff feff 0100 0000'), 'ABCD', 1, place).value).toBe(0.01);
  });

  test('divides to the nearest number there is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: -10, max: 10 }), (whole, power) => {
        const data = Buffer.alloc(6);
        data.writeUInt16BE(whole, 0);
        data.writeInt16BE(power, 4);
        const { value } = read({ type: 'uint16', scaleFactor: 2 }, data, 'ABCD', 0, { valueAt: 0, factorAt: 2 });
        expect(value).toBe(Number(`${whole}e${power}`));
      }),
    );
  });
});
