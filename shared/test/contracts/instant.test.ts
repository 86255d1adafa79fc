import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoOf, microsOf } from '../../src/contracts/instant.ts';

test('an instant goes to text and back with all its microseconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: -2_000_000_000_000_000, max: 7_000_000_000_000_000 }), (micros) => {
      expect(microsOf(isoOf(micros))).toBe(micros);
    }),
  );
});

test.each([
  ['2026-03-01T12:00:00Z', Date.UTC(2026, 2, 1, 12) * 1_000],
  ['2026-03-01T12:00Z', Date.UTC(2026, 2, 1, 12) * 1_000],
  ['2026-03-01T14:00:00+02:00', Date.UTC(2026, 2, 1, 12) * 1_000],
  ['2026-03-01T14:00:00 02:00', Date.UTC(2026, 2, 1, 12) * 1_000],
  ['2026-03-01T12:00:00.123456Z', Date.UTC(2026, 2, 1, 12) * 1_000 + 123_456],
  ['2026-03-01', Date.UTC(2026, 2, 1) * 1_000],
  ['1700000000000001', 1_700_000_000_000_001],
])('%s is an instant', (text, micros) => {
  expect(microsOf(text)).toBe(micros);
});

test.each([
  '',
  'now',
  '2026-03-01T12:00:00',
  '2026-13-01',
  '2026-02-30',
  '2026-02-29T12:00:00+02:00',
  '2026-02-30T25:00:00Z',
  '1e9',
  '99999999999999999',
  'Infinity',
])('%j is none: without a zone it would mean something else elsewhere', (text) => {
  expect(microsOf(text)).toBeNull();
});
