import { expect, test } from 'vitest';
import { ConnectionDoubt } from '../../../src/drivers/modbus/connection-doubt.ts';

test('a unit that was silent before the last answer does not make a connection doubtful', () => {
  const doubt = new ConnectionDoubt();
  expect(doubt.silent(5, 2)).toBe(false);
  doubt.heard();
  expect([1, 2, 3].map(() => doubt.silent(9, 2))).toEqual([false, false, false]);
});

test('a connection is doubtful once all units are silent, three times together', () => {
  const doubt = new ConnectionDoubt();
  expect([5, 9, 5].map((unit) => doubt.silent(unit, 2))).toEqual([false, false, true]);
});
