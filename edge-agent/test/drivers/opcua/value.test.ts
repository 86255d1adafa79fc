import { fitsType, type ValueType, valueTypes } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { Argument, DataType, Variant, VariantArrayType } from 'node-opcua';
import { describe, expect, test } from 'vitest';
import { readVariant } from '../../../src/drivers/opcua/values/value.ts';

const scalar = (dataType: DataType, value: unknown): Variant =>
  new Variant({ dataType, arrayType: VariantArrayType.Scalar, value });
const pair = (value: bigint): [number, number] => [Number((value >> 32n) & 0xffff_ffffn), Number(value & 0xffff_ffffn)];
const read = (dataType: DataType, value: unknown, type: ValueType) => readVariant(scalar(dataType, value), type);

describe('64-bit integers', () => {
  test('keep every bit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(read(DataType.UInt64, pair(value), 'uint64')).toEqual({ value });
        const signed = BigInt.asIntN(64, value);
        expect(read(DataType.Int64, pair(value), 'int64')).toEqual({ value: signed });
        expect(read(DataType.Int64, pair(value), 'string')).toEqual({ value: signed.toString() });
      }),
    );
  });

  test('are a number where it holds all their digits, and else bad', () => {
    expect(read(DataType.UInt64, pair(2n ** 53n), 'float64')).toEqual({ value: 2 ** 53 });
    expect(read(DataType.UInt64, pair(2n ** 53n + 1n), 'float64')).toEqual({ bad: 'bad/type' });
    expect(read(DataType.Int64, pair(-5n), 'int32')).toEqual({ value: -5 });
    expect(read(DataType.Int64, pair(-5n), 'uint64')).toEqual({ bad: 'bad/type' });
  });
});

describe('a value for a tag of another type', () => {
  test('is never changed: it is exact, a float rounded to float32, or bad', () => {
    const sources = fc.oneof(
      fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }).map((value) => ({ dataType: DataType.Int32, value })),
      fc.boolean().map((value) => ({ dataType: DataType.Boolean, value })),
      fc.double().map((value) => ({ dataType: DataType.Double, value })),
      fc.string().map((value) => ({ dataType: DataType.String, value })),
    );
    fc.assert(
      fc.property(sources, fc.constantFrom(...valueTypes), ({ dataType, value }, type) => {
        const reading = read(dataType, value, type);
        if (!('value' in reading)) return;
        expect(fitsType(type, reading.value)).toBe(true);
        if (type === 'string' || typeof value === 'string') return;
        const rounded = type === 'float32' && dataType === DataType.Double ? Math.fround(Number(value)) : Number(value);
        expect(Number(reading.value)).toBe(rounded);
      }),
    );
  });

  test.each<[string, DataType, unknown, ValueType]>([
    ['text in a number', DataType.String, '12', 'float64'],
    ['a fraction in an integer', DataType.Double, 1.5, 'int32'],
    ['a whole Double in an integer: the next may have a fraction', DataType.Double, 3, 'int32'],
    ['a number in a bool', DataType.Int32, 1, 'bool'],
    ['an integer that is too large', DataType.UInt32, 70_000, 'uint16'],
    ['a Double beyond float32', DataType.Double, 1e300, 'float32'],
    ['a structure in a number', DataType.ExtensionObject, new Argument(), 'float64'],
  ])('is bad: %s', (_what, dataType, value, type) => {
    expect(read(dataType, value, type)).toEqual({ bad: 'bad/type' });
  });
});

describe('what is no value', () => {
  test('is not available', () => {
    expect(readVariant(new Variant({ dataType: DataType.Null }), 'float64')).toEqual({ bad: 'bad/not-available' });
    expect(read(DataType.String, null, 'string')).toEqual({ bad: 'bad/not-available' });
  });

  test('is not a number: NaN and infinities', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(read(DataType.Double, value, 'float64')).toEqual({ bad: 'bad/not-a-number' });
      expect(read(DataType.Float, value, 'int16')).toEqual({ bad: 'bad/not-a-number' });
    }
  });

  test('is of the wrong type: an array', () => {
    const array = new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value: [1, 2] });
    expect(readVariant(array, 'float64')).toEqual({ bad: 'bad/type' });
  });
});

test('text that is filled up with U+0000, as the fixed-length strings of PLCs are, ends before; none is cut within', () => {
  expect(read(DataType.String, 'P-101\0\0\0', 'string')).toEqual({ value: 'P-101' });
  expect(read(DataType.String, 'P-101\0x', 'string')).toEqual({ bad: 'bad/type' });
});

test('the latest time of OPC UA is the last second of the year 9999', () => {
  const largest = new Date(Date.UTC(30_828, 8, 14, 2, 48, 5, 477));
  expect(read(DataType.DateTime, largest, 'string')).toEqual({ value: '9999-12-31T23:59:59.000Z' });
  expect(read(DataType.DateTime, largest, 'int64')).toEqual({ value: 253_402_300_799_000_000n });
});
