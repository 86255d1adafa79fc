import { plantSchema } from '@fieldline/shared/config';
import { expect, test } from 'vitest';
import { type Point, plantPoints } from '../src/points.ts';

const plantOf = (...points: Record<string, unknown>[]): Point[] =>
  plantPoints(
    plantSchema.parse({
      plant: 'p',
      servers: [{ protocol: 'modbus-tcp', port: 0, units: [{ name: 'plc', points }] }],
    }),
  );
const noise = { kind: 'noise', mean: 100, deviation: 5 };

test('a scaled point gives what its registers can hold, as a float', () => {
  const [point] = plantOf({
    name: 'x',
    address: 0,
    type: 'int16',
    scale: 0.1,
    offset: -5,
    signal: { kind: 'constant', value: 12.345 },
  });
  expect(point?.type).toBe('float64');
  expect(point?.valueAt(0)).toBe(173 * 0.1 - 5);
});

test('an unscaled point keeps its type', () => {
  const [point] = plantOf({
    name: 'x',
    address: 0,
    type: 'uint64',
    signal: { kind: 'constant', value: '18446744073709551615' },
  });
  expect(point).toMatchObject({ type: 'uint64', server: 'modbus-tcp-1', device: 'plc', name: 'x' });
  expect(point?.valueAt(0)).toBe(18446744073709551615n);
});

test('two points of the same signal differ, unless they are given one seed', () => {
  const [a, b] = plantOf(
    { name: 'a', address: 0, signal: noise, type: 'float32' },
    { name: 'b', address: 2, signal: noise, type: 'float32' },
  );
  expect(a?.valueAt(0)).not.toBe(b?.valueAt(0));
  const [c, d] = plantOf(
    { name: 'a', address: 0, signal: noise, type: 'float32', seed: 5 },
    { name: 'b', address: 2, signal: noise, type: 'float32', seed: 5 },
  );
  expect(c?.valueAt(0)).toBe(d?.valueAt(0));
});

test('a text longer than its registers is cut between characters', () => {
  const text = (value: string): unknown =>
    plantOf({ name: 'x', address: 0, type: 'string', registers: 2, signal: { kind: 'constant', value } })[0]?.valueAt(
      0,
    );
  expect(text('ab')).toBe('ab');
  expect(text('abcdef')).toBe('abcd');
  expect(text('aaaé')).toBe('aaa');
});

test('a constant that does not fit its point is refused by name', () => {
  expect(() => plantOf({ name: 'x', address: 0, signal: { kind: 'constant', value: 'AUTO' } })).toThrow(
    'modbus-tcp-1/1/x: "AUTO" is not a number',
  );
});
