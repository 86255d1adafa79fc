import { isRequired } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';

test.each([
  ['', 'kafka', false],
  ['all', 'timescaledb', true],
  ['all-but-timescaledb', 'kafka', true],
  ['all-but-timescaledb', 'timescaledb', false],
  ['all-but-kafka,mosquitto', 'mosquitto', false],
])('FIELDLINE_REQUIRE=%s: %s is required: %s', (rule, name, required) => {
  expect(isRequired(name, rule)).toBe(required);
});

test('a rule that means nothing is refused, so that a typing error cannot turn required tests into skipped ones', () => {
  expect(() => isRequired('kafka', 'everything')).toThrow(/must be all/);
});
