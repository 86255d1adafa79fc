import { recordPosition } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { probeOf, writesToo } from '../../../src/drivers/modbus/request.ts';

test('a probe of a silent unit asks for as little as can be, and writes nothing', () => {
  const exchange = { name: 'page', first: 2_048, words: [1] };
  const probe = probeOf({ unit: 3, timeoutMs: 100, table: 'holding', first: 10, count: 52, exchange });
  expect(probe).toEqual({ unit: 3, timeoutMs: 100, table: 'holding', first: 10, count: 1 });
  expect(writesToo(probe)).toBe(false);
  const stretches = [
    { first: recordPosition(4, 1), count: 20 },
    { first: recordPosition(5, 0), count: 3 },
  ];
  expect(probeOf({ unit: 3, timeoutMs: 100, stretches })).toEqual({
    unit: 3,
    timeoutMs: 100,
    stretches: [{ first: recordPosition(4, 1), count: 1 }],
  });
});
