import { modbusDeviceSchema } from '@fieldline/shared/config';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fewestBlocks, type Limits, planDevice, type Span } from '../../../src/drivers/modbus/plan.ts';

const planOf = (settings: object) =>
  planDevice(
    modbusDeviceSchema.parse({ device: 'd', protocol: 'modbus', link: { kind: 'tcp', host: 'plc' }, ...settings }),
  );
const blocksOf = (settings: object): [number, number][] =>
  planOf(settings).flatMap(({ blocks }) => blocks.map(({ first, count }): [number, number] => [first, count]));

describe('the plan of a device', () => {
  test('reads neighbouring tags in one request, in whatever order they are stated', () => {
    const tags = [
      { tag: 'c', address: 14, type: 'float32' },
      { tag: 'a', address: 10 },
      { tag: 'b', address: 11, type: 'uint64' },
    ];
    expect(blocksOf({ tags, maxGap: 0 })).toEqual([[10, 6]]);
  });

  test('takes the notation of the addresses off', () => {
    expect(blocksOf({ addressBase: 1, tags: [{ tag: 'a', address: 3028 }] })).toEqual([[0x0bd3, 1]]);
  });

  test('reads a gap along up to maxGap registers, and no more', () => {
    const tags = [
      { tag: 'a', address: 0 },
      { tag: 'b', address: 5 },
      { tag: 'c', address: 11 },
    ];
    expect(blocksOf({ tags, maxGap: 4 })).toEqual([
      [0, 6],
      [11, 1],
    ]);
  });

  test('takes a gap of 16 bits for one of a register', () => {
    const tags = [0, 17, 35].map((address) => ({ tag: `t${address}`, table: 'coil', type: 'bool', address }));
    expect(blocksOf({ tags, maxGap: 1 })).toEqual([
      [0, 18],
      [35, 1],
    ]);
  });

  test('never splits a value over two requests', () => {
    const tags = [0, 2, 4, 6].map((address) => ({ tag: `t${address}`, address, type: 'int32' }));
    expect(blocksOf({ tags, maxRegisters: 5 })).toEqual([
      [0, 4],
      [4, 4],
    ]);
  });

  test('keeps tables and rates apart', () => {
    const tags = [
      { tag: 'a', address: 0 },
      { tag: 'b', address: 1, everyMs: 5_000 },
      { tag: 'c', address: 0, table: 'input' },
      { tag: 'd', address: 0, table: 'discrete', type: 'bool' },
    ];
    expect(planOf({ tags }).map(({ table, everyMs, blocks }) => [table, everyMs, blocks.length])).toEqual([
      ['holding', 1_000, 1],
      ['holding', 5_000, 1],
      ['input', 1_000, 1],
      ['discrete', 1_000, 1],
    ]);
  });

  test('allows tags that overlap, a long one over a short one', () => {
    const tags = [
      { tag: 'word', address: 3 },
      { tag: 'text', address: 0, type: 'string', registers: 10 },
      { tag: 'bit', address: 3, type: 'bool', bit: 2 },
    ];
    expect(blocksOf({ tags })).toEqual([[0, 10]]);
  });
});

const spans = fc.array(fc.record({ first: fc.nat(24), count: fc.integer({ min: 1, max: 4 }) }), {
  minLength: 1,
  maxLength: 7,
});
const limits = fc.record({ maxCount: fc.integer({ min: 4, max: 16 }), maxGap: fc.nat(5) });

describe('fewest blocks', () => {
  test('every span stands whole in just one block, and every block keeps the limits', () => {
    fc.assert(
      fc.property(spans, limits, (wanted, limit) => {
        const blocks = fewestBlocks(wanted, limit);
        expect(blocks.flatMap(({ points }) => points).sort(order)).toEqual([...wanted].sort(order));
        for (const block of blocks) {
          expect(mayBeOne(block.points, wanted, limit)).toBe(true);
          expect(block.first).toBe(Math.min(...block.points.map(({ first }) => first)));
          expect(block.first + block.count).toBe(Math.max(...block.points.map(({ first, count }) => first + count)));
        }
        const firsts = blocks.map(({ first }) => first);
        expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
      }),
    );
  });

  test('no way to divide the spans needs fewer', () => {
    fc.assert(
      fc.property(spans, limits, (wanted, limit) => {
        expect(fewestBlocks(wanted, limit).length).toBe(fewestByTrying(wanted, limit));
      }),
      { numRuns: 300 },
    );
  });
});

const order = (a: Span, b: Span): number => a.first - b.first || a.count - b.count;

/** The rule said anew: short enough, and no run of registers longer than maxGap inside that nobody wants. */
function mayBeOne(group: readonly Span[], wanted: readonly Span[], { maxCount, maxGap }: Limits): boolean {
  const first = Math.min(...group.map((span) => span.first));
  const end = Math.max(...group.map((span) => span.first + span.count));
  let unwanted = 0;
  for (let register = first; register < end; register++) {
    const isWanted = wanted.some((span) => span.first <= register && register < span.first + span.count);
    unwanted = isWanted ? 0 : unwanted + 1;
    if (unwanted > maxGap) return false;
  }
  return end - first <= maxCount;
}

/** Every way to put the spans into groups. */
function fewestByTrying(wanted: readonly Span[], limit: Limits): number {
  let fewest = wanted.length;
  const place = (position: number, groups: Span[][]): void => {
    const span = wanted[position];
    if (span === undefined) {
      if (groups.every((group) => mayBeOne(group, wanted, limit))) fewest = Math.min(fewest, groups.length);
      return;
    }
    if (groups.length > fewest) return;
    for (const group of groups) {
      group.push(span);
      place(position + 1, groups);
      group.pop();
    }
    place(position + 1, [...groups, [span]]);
  };
  place(0, []);
  return fewest;
}
