import { fitsType, type Value, type ValueType, valueTypes } from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fit } from '../src/fit.ts';

test('whatever a signal gives, the point holds a value of its type', () => {
  const values = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -3e38, max: 3e38 }),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.constantFrom(...valueTypes), values, (type, value) => {
      expect(fitsType(type, fit(type, value)), `${type} of ${String(value)}`).toBe(true);
    }),
  );
});

test.each<[ValueType, Value, Value]>([
  ['int16', 40_000, 32_767],
  ['uint16', -0.4, 0],
  ['uint16', 70_000n, 4_464],
  ['int8', 200n, -56],
  ['int8', -128.6, -128],
  ['uint64', -1n, 18446744073709551615n],
  ['uint64', 1e30, 18446744073709551615n],
  ['int64', '-9007199254740993', -9007199254740993n],
  ['float32', 0.1, Math.fround(0.1)],
  ['float64', 'NaN', Number.NaN],
  ['bool', 0.5, true],
  ['bool', 0, false],
  ['string', 12, '12'],
])('%s of %s is %s', (type, value, held) => {
  expect(fit(type, value)).toBe(held);
});

test('a text that does not read as the type says so', () => {
  expect(() => fit('int16', 'AUTO')).toThrow('"AUTO" is not a number');
  expect(() => fit('float64', '')).toThrow('is not a number');
  expect(() => fit('uint64', '-1')).toThrow('-1 does not fit uint64');
  expect(() => fit('uint16', 'NaN')).toThrow('NaN does not fit uint16');
});
