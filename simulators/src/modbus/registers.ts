/**
 * One table of registers of a unit, laid out once. A read evaluates only the points that it touches, all at one instant,
 * so a value in several registers is never torn. The table reaches from its lowest to its highest point; the holes
 * between read as 0. What a client writes lies over the signals until `reset`.
 */
import type { Value } from '@fieldline/shared/contracts';
import type { RegisterPoint } from '../points.ts';
import { type RegisterFormat, readRegisters, writeRegisters } from './codec.ts';

export type PointValue = { readonly point: string; readonly value: Value };

export type RegisterTable = {
  /** Whether all of these addresses are in the table. */
  readonly covers: (first: number, count: number) => boolean;
  /** Fills `out` from `at`; gives what it served of the points that lie in the range whole, if `wanted`. */
  readonly read: (range: Range, out: Buffer, at: number, timeMs: number, wanted: boolean) => PointValue[];
  /** Takes `count` registers from `bytes`. */
  readonly write: (range: Range, bytes: Buffer) => void;
  readonly reset: () => void;
};

export type Range = { readonly first: number; readonly count: number };

type Placed = {
  readonly point: RegisterPoint;
  readonly first: number;
  readonly end: number;
  readonly format: RegisterFormat;
};

export function createRegisterTable(points: readonly RegisterPoint[]): RegisterTable {
  const placed = points.map(place).sort((a, b) => a.first - b.first);
  const lowest = placed[0]?.first ?? 0;
  const highest = placed.at(-1)?.end ?? 0;
  const written = new Map<number, number>();
  const scratch = Buffer.alloc(250);

  const put = ({ first, end, format }: Placed, raw: Value, range: Range, out: Buffer, at: number): void => {
    if (first >= range.first && end <= range.first + range.count) {
      writeRegisters(out, at + (first - range.first) * 2, format, raw);
      return;
    }
    scratch.fill(0);
    writeRegisters(scratch, 0, format, raw);
    const from = Math.max(first, range.first);
    const to = Math.min(end, range.first + range.count);
    scratch.copy(out, at + (from - range.first) * 2, (from - first) * 2, (to - first) * 2);
  };
  const overlay = (range: Range, out: Buffer, at: number): void => {
    for (const [register, word] of written) {
      const position = register - range.first;
      if (position >= 0 && position < range.count) out.writeUInt16BE(word, at + position * 2);
    }
  };
  return {
    covers: (first, count) => first >= lowest && first + count <= highest,
    read: (range, out, at, timeMs, wanted) => {
      const end = range.first + range.count;
      const served: PointValue[] = [];
      const start = firstEndingAfter(placed, range.first);
      out.fill(0, at, at + range.count * 2);
      for (let index = start; index < placed.length; index++) {
        const one = placed[index] as Placed;
        if (one.first >= end) break;
        const raw = one.point.rawAt(timeMs);
        put(one, raw, range, out, at);
        if (wanted && isWhole(one, range)) served.push({ point: one.point.name, value: one.point.reported(raw) });
      }
      if (written.size === 0) return served;
      overlay(range, out, at);
      if (!wanted) return served;
      return placed
        .slice(start)
        .filter((one) => isWhole(one, range))
        .map(({ point, first, format }) => ({
          point: point.name,
          value: point.reported(readRegisters(out, at + (first - range.first) * 2, format)),
        }));
    },
    write: ({ first, count }, bytes) => {
      for (let index = 0; index < count; index++) written.set(first + index, bytes.readUInt16BE(index * 2));
    },
    reset: () => written.clear(),
  };
}

const isWhole = ({ first, end }: Placed, range: Range): boolean =>
  first >= range.first && end <= range.first + range.count;

function place(point: RegisterPoint): Placed {
  const { first, end, byteOrder } = point;
  return { point, first, end, format: { ...point.settings, byteOrder, count: end - first } };
}

/** Points do not overlap, so their ends rise with their beginnings. */
function firstEndingAfter(placed: readonly Placed[], address: number): number {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((placed[middle] as Placed).end <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}
