import { commandSchema, statedOf, valueFrom } from '@fieldline/shared/contracts';
import { expect, it } from 'vitest';

const command = { v: 1, gateway: 'gw', id: 'c1', device: 'plc', tag: 'setpoint', value: 1, expires: 1 };

it('a command has an id, a value and an end, and nothing that is not known', () => {
  expect(commandSchema.safeParse(command).success).toBe(true);
  for (const key of ['id', 'device', 'tag', 'value', 'expires']) {
    expect(commandSchema.safeParse({ ...command, [key]: undefined }).success, key).toBe(false);
  }
  expect(commandSchema.safeParse({ ...command, expired: 2 }).success).toBe(false);
  expect(commandSchema.safeParse({ ...command, value: null }).success).toBe(false);
});

it('a 64-bit integer is a text of digits and keeps every bit', () => {
  expect(valueFrom('uint64', '18446744073709551615')).toBe(18_446_744_073_709_551_615n);
  expect(valueFrom('int64', -5)).toBe(-5n);
  expect(valueFrom('int64', 2 ** 53)).toBeNull();
  expect(valueFrom('int64', '1.5')).toBeNull();
  expect(statedOf(9_007_199_254_740_993n)).toBe('9007199254740993');
});

it('a value is of the type of its tag or does not fit it', () => {
  expect(valueFrom('float32', 0.1)).toBe(Math.fround(0.1));
  expect(valueFrom('bool', 1)).toBeNull();
  expect(valueFrom('uint16', 70_000)).toBeNull();
});
