import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fewestRequests } from '../../../bench/modbus/minimum.ts';

it('takes one request for what fits, and another where a gap or the length does not allow it', () => {
  expect(fewestRequests([], 125, 8)).toBe(0);
  expect(fewestRequests([7], 125, 8)).toBe(1);
  expect(fewestRequests([30, 10, 20, 11], 125, 9)).toBe(1);
  expect(fewestRequests([30, 10, 20, 11], 125, 8)).toBe(2);
  expect(fewestRequests([0, 124], 125, 200)).toBe(1);
  expect(fewestRequests([0, 125], 125, 200)).toBe(2);
  expect(fewestRequests([5, 5, 5], 1, 0)).toBe(1);
});

/** Tries every way to cut a row of registers. */
function byTrying(addresses: readonly number[], maxRegisters: number, maxGap: number): number {
  const sorted = [...new Set(addresses)].sort((one, other) => one - other);
  let fewest = Number.POSITIVE_INFINITY;
  for (let cuts = 0; cuts < 2 ** Math.max(0, sorted.length - 1); cuts++) {
    const requests: number[][] = [];
    for (const [position, address] of sorted.entries()) {
      const isCut = position === 0 || ((cuts >> (position - 1)) & 1) === 1;
      if (isCut) requests.push([address]);
      else requests.at(-1)?.push(address);
    }
    const isAllowed = requests.every((request) => {
      const span = (request.at(-1) ?? 0) - (request[0] ?? 0) + 1;
      return (
        span <= maxRegisters && request.every((address, n) => n === 0 || address - (request[n - 1] ?? 0) - 1 <= maxGap)
      );
    });
    if (isAllowed) fewest = Math.min(fewest, requests.length);
  }
  return fewest;
}

it('is never more, nor less, than the best of all ways to cut them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(40), { minLength: 1, maxLength: 9 }),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(10),
      (addresses, maxRegisters, maxGap) => {
        expect(fewestRequests(addresses, maxRegisters, maxGap)).toBe(byTrying(addresses, maxRegisters, maxGap));
      },
    ),
  );
});
