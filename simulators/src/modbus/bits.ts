/** One table of coils or discrete inputs of a unit: as registers.ts, one bit per point. */
import type { RegisterPoint } from '../points.ts';
import type { PointValue, Range } from './registers.ts';

export type BitTable = {
  readonly covers: (first: number, count: number) => boolean;
  /** Packed into `out` from `at`, the first in the lowest bit. */
  readonly read: (range: Range, out: Buffer, at: number, timeMs: number, wanted: boolean) => PointValue[];
  readonly write: (range: Range, bits: (index: number) => boolean) => void;
  readonly reset: () => void;
};

export function createBitTable(points: readonly RegisterPoint[]): BitTable {
  const byAddress = new Map(points.map((point) => [point.first, point]));
  const addresses = points.map((point) => point.first);
  const lowest = addresses.length === 0 ? 0 : Math.min(...addresses);
  const highest = addresses.length === 0 ? 0 : Math.max(...addresses) + 1;
  const written = new Map<number, boolean>();
  return {
    covers: (first, count) => first >= lowest && first + count <= highest,
    read: ({ first, count }, out, at, timeMs, wanted) => {
      const served: PointValue[] = [];
      out.fill(0, at, at + Math.ceil(count / 8));
      for (let index = 0; index < count; index++) {
        const point = byAddress.get(first + index);
        const value = written.get(first + index) ?? point?.rawAt(timeMs) === true;
        if (value) out[at + (index >> 3)] = (out[at + (index >> 3)] ?? 0) | (1 << (index & 7));
        if (wanted && point !== undefined) served.push({ point: point.name, value });
      }
      return served;
    },
    write: ({ first, count }, bits) => {
      for (let index = 0; index < count; index++) written.set(first + index, bits(index));
    },
    reset: () => written.clear(),
  };
}
