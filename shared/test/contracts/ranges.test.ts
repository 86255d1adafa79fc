import {
  addRange,
  countOf,
  hasNumber,
  intersectRanges,
  isRanges,
  type Ranges,
  subtractRanges,
  unionRanges,
} from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const numbers = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 40 });
const rangesOf = (values: readonly number[]): Ranges => values.reduce<Ranges>((sum, value) => addRange(sum, value), []);
const numbersOf = (ranges: Ranges): number[] =>
  ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, step) => from + step));
const sorted = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b);

describe('ranges of batch numbers behave like sets', () => {
  it('hold exactly what was added, in canonical form', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const ranges = rangesOf(values);
        expect(numbersOf(ranges)).toEqual(sorted(values));
        expect(isRanges(ranges)).toBe(true);
        expect(countOf(ranges)).toBe(new Set(values).size);
      }),
    );
  });

  it('add a whole range as they add its numbers one by one', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 10 }), (values, from, length) => {
        const one = addRange(rangesOf(values), from, from + length);
        expect(numbersOf(one)).toEqual(
          sorted([...values, ...Array.from({ length: length + 1 }, (_, step) => from + step)]),
        );
        expect(isRanges(one)).toBe(true);
      }),
    );
  });

  it('unite, subtract and intersect like sets', () => {
    fc.assert(
      fc.property(numbers, numbers, (left, right) => {
        const [a, b] = [rangesOf(left), rangesOf(right)];
        expect(numbersOf(unionRanges(a, b))).toEqual(sorted([...left, ...right]));
        expect(numbersOf(subtractRanges(a, b))).toEqual(sorted(left.filter((value) => !right.includes(value))));
        expect(numbersOf(intersectRanges(a, b))).toEqual(sorted(left.filter((value) => right.includes(value))));
      }),
    );
  });

  it('find a number by binary search', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: -1, max: 41 }), (values, number) => {
        expect(hasNumber(rangesOf(values), number)).toBe(values.includes(number));
      }),
    );
  });

  it.each([
    [[[2, 1]]],
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      [
        [5, 6],
        [1, 2],
      ],
    ],
    [[[1]]],
    ['x'],
    [[[0.5, 1]]],
    [[[-1, 1]]],
  ])('refuse %j as a set', (data) => {
    expect(isRanges(data)).toBe(false);
  });
});
