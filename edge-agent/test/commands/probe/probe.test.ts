import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { probe } from '../../../src/commands/probe/probe.ts';

const now = Date.UTC(2026, 10, 27) * 1_000;

/** The bytes of a number that stands ABCD, as they lie in an order. */
const orders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  ABCD: (bytes) => bytes,
  CDAB: (bytes) => Buffer.from(bytes).reverse().swap16(),
  BADC: (bytes) => Buffer.from(bytes).swap16(),
  DCBA: (bytes) => Buffer.from(bytes).reverse(),
};

/** Type and order of the first three readings that begin at the first register. */
function firstThree(before: Buffer, after = before): string[] {
  return probe('holding', before, after, now)
    .ranked.filter(({ at }) => at === 0)
    .slice(0, 3)
    .map(({ shape: { type, byteOrder = 'ABCD' } }) => `${type} ${byteOrder}`);
}

const inOrder = (name: string, bytes: Buffer): Buffer => orders[name]?.(bytes) ?? bytes;

const samples = 1_000;
const size = fc.double({ min: 0.5, max: 99_999, noNaN: true });

/** Now and then the bytes of a value make a better one in another order: nobody could tell. So this is a share. */
function shareFound<T>(values: fc.Arbitrary<T>, isFound: (value: T, name: string) => boolean): number {
  const cases = fc.sample(fc.tuple(values, fc.constantFrom(...Object.keys(orders))), { seed: 1, numRuns: samples });
  return cases.filter(([value, name]) => isFound(value, name)).length / samples;
}

describe('whatever its order, the right reading is among the first three', () => {
  test('of a float32 of an everyday size', () => {
    const share = shareFound(fc.tuple(size, fc.boolean()), ([value, isNegative], name) => {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatBE(isNegative ? -value : value);
      return firstThree(inOrder(name, bytes)).includes(`float32 ${name}`);
    });
    expect(share).toBeGreaterThan(0.98);
  });

  test('of a float64 of an everyday size', () => {
    const share = shareFound(size, (value, name) => {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(value);
      return firstThree(inOrder(name, bytes)).includes(`float64 ${name}`);
    });
    expect(share).toBeGreaterThan(0.95);
  });

  test('of a counter of 32 bits that counts between the two times', () => {
    const counts = fc.tuple(fc.integer({ min: 70_000, max: 99_999_999 }), fc.integer({ min: 1, max: 9 }));
    const share = shareFound(counts, ([value, more], name) => {
      const [before, after] = [Buffer.alloc(4), Buffer.alloc(4)];
      before.writeUInt32BE(value);
      after.writeUInt32BE(value + more);
      return firstThree(inOrder(name, before), inOrder(name, after)).includes(`uint32 ${name}`);
    });
    expect(share).toBeGreaterThan(0.98);
  });
});

test('what can be no value goes last: NaN, denormals, huge exponents, signs for "no value"', () => {
  const pointsOf = (hex: string, type: string): number | null =>
    probe('holding', Buffer.from(hex, 'hex'), Buffer.from(hex, 'hex'), now).ranked.find(
      ({ shape, at }) => at === 0 && shape.type === type && shape.byteOrder === undefined,
    )?.points ?? null;
  expect(pointsOf('7fc00000', 'float32')).toBe(null);
  expect(pointsOf('00000007', 'float32')).toBeLessThan(10);
  expect(pointsOf('7e967699', 'float32')).toBeLessThan(10);
  for (const hex of ['ffffffff', '80000000', '7fffffff']) {
    expect(pointsOf(hex, 'uint32'), hex).toBeLessThan(10);
  }
  expect(pointsOf('80000000', 'int32')).toBeLessThan(10);
  expect(pointsOf('8000', 'int16')).toBeLessThan(10);
});
