import { expect, it } from 'vitest';
import { placeBoots } from '../../../src/journal/undated/placement.ts';

const present = { boot: 'c', offset: 1_000 };

it('puts the end of each boot just before the beginning of the next', () => {
  const boots = [
    { boot: 'a', last: 100, offset: null },
    { boot: 'b', last: 30, offset: null },
    { boot: 'c', last: 5, offset: null },
  ];
  expect(placeBoots(boots, present)).toEqual([868, 969, 1_000]);
});

it('takes two files of one boot for one', () => {
  const boots = [
    { boot: 'b', last: 30, offset: null },
    { boot: 'b', last: 40, offset: null },
  ];
  expect(placeBoots(boots, present)).toEqual([959, 959]);
});

it('leaves a boot where it was put before', () => {
  const boots = [
    { boot: 'a', last: 10, offset: null },
    { boot: 'b', last: 30, offset: 500 },
    { boot: 'b', last: 40, offset: null },
  ];
  expect(placeBoots(boots, present)).toEqual([489, 500, 500]);
});
