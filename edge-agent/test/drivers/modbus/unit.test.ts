import { expect, test } from 'vitest';
import { Unit } from '../../../src/drivers/modbus/unit.ts';

test('a quick probe waits for the silence that ends its request, and longer than the unit typically takes', () => {
  expect(new Unit(null, 4).quickTimeoutMs(500, 4.01)).toBe(17 + 20);
  expect(new Unit(null, 4).quickTimeoutMs(500, 32.1), 'at 1200 baud').toBe(45 + 20);
});

test('there is none where nothing is known, or where it would take as long as any', () => {
  expect(new Unit(null, null).quickTimeoutMs(500, 4)).toBe(null);
  expect(new Unit(null, 80).quickTimeoutMs(500, 4)).toBe(null);
});
