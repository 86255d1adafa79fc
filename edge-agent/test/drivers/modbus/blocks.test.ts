import { type ModbusLink, modbusDeviceSchema, modbusLinkSchema } from '@fieldline/shared/config';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cost, cheapestBlocks, type Limits, type Span } from '../../../src/drivers/modbus/blocks.ts';
import { planDevice } from '../../../src/drivers/modbus/plan.ts';
import { costOf } from '../../../src/drivers/modbus/request-cost.ts';

const onLine = (settings: object): ModbusLink =>
  modbusLinkSchema.parse({ kind: 'rtu', path: '/dev/ttyUSB0', ...settings });
const fewestRequests = costOf(modbusLinkSchema.parse({ kind: 'tcp', host: 'plc' }), 'holding');

/** Both objectives, and some in which another balance of requests and registers is best. */
const costs: Record<string, Cost> = {
  'fewest requests': fewestRequests,
  'least time on a line of 9600 baud': costOf(onLine({ baudRate: 9_600 }), 'holding'),
  'least time on a line of 38400 baud in ASCII': costOf(onLine({ kind: 'ascii', baudRate: 38_400 }), 'input'),
  'least time for coils': costOf(onLine({ baudRate: 300 }), 'coil'),
  'a request as dear as two registers': (count) => 2 + count,
};

const span = fc.record({ first: fc.nat(24), count: fc.integer({ min: 1, max: 6 }) });
const spans = fc.array(span, { minLength: 1, maxLength: 7 });
const bounds = fc.record({ maxCount: fc.integer({ min: 6, max: 16 }), maxGap: fc.nat(5) });
const holes = fc.array(fc.record({ first: fc.nat(24), count: fc.integer({ min: 1, max: 3 }) }), { maxLength: 3 });

const endOf = ({ first, count }: Span): number => first + count;
const meet = (one: Span, other: Span): boolean => one.first < endOf(other) && other.first < endOf(one);

describe.each(Object.entries(costs))('%s', (_, cost) => {
  test('every span stands whole in just one block, and every block keeps the limits', () => {
    fc.assert(
      fc.property(spans, bounds, holes, (wanted, bound, avoided) => {
        const limits = { ...bound, cost, avoid: avoided.filter((hole) => !wanted.some((one) => meet(one, hole))) };
        const blocks = cheapestBlocks(wanted, limits);
        expect(blocks.flatMap(({ points }) => points).sort(order)).toEqual([...wanted].sort(order));
        for (const block of blocks) {
          expect(mayBeOne(block.points, wanted, limits)).toBe(true);
          expect(block.first).toBe(Math.min(...block.points.map(({ first }) => first)));
          expect(endOf(block)).toBe(Math.max(...block.points.map(endOf)));
          expect(block.points).toEqual([...block.points].sort(order));
        }
        const firsts = blocks.map(({ first }) => first);
        expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
      }),
    );
  });

  test('no way to divide the spans costs less', () => {
    fc.assert(
      fc.property(spans, bounds, holes, (wanted, bound, avoided) => {
        const limits = { ...bound, cost, avoid: avoided.filter((hole) => !wanted.some((one) => meet(one, hole))) };
        const total = cheapestBlocks(wanted, limits).reduce((sum, { count }) => sum + cost(count), 0);
        expect(total).toBeCloseTo(leastByTrying(wanted, limits), 6);
      }),
      { numRuns: 200 },
    );
  });
});

/** Tags with and without a scale factor near them, as settings. */
const tags = fc.array(
  fc.record({
    address: fc.integer({ min: 4, max: 24 }),
    type: fc.constantFrom('uint16', 'int32', 'int64'),
    factor: fc.option(fc.integer({ min: -4, max: 6 })),
  }),
  { minLength: 1, maxLength: 6 },
);
const links = fc.constantFrom(
  { kind: 'tcp', host: 'plc' },
  { kind: 'rtu', path: '/dev/ttyUSB0', baudRate: 9_600 },
  { kind: 'rtu', path: '/dev/ttyUSB0', baudRate: 1_200 },
);
const registersOf = { uint16: 1, int32: 2, int64: 4 } as Record<string, number>;

test('the plan of a device costs the least, with every scale factor in the request of its value', () => {
  fc.assert(
    fc.property(tags, links, fc.integer({ min: 12, max: 20 }), fc.nat(20), (list, link, maxRegisters, maxGap) => {
      const device = modbusDeviceSchema.parse({
        device: 'd',
        protocol: 'modbus',
        link,
        maxRegisters,
        maxGap,
        tags: list.map(({ address, type, factor }, index) => ({
          tag: `t${index}`,
          address,
          type,
          ...(factor === null ? {} : { scaleFactor: address + factor }),
        })),
      });
      const wanted = list.map(({ address, type, factor }): Span => {
        const first = Math.min(address, address + (factor ?? 0));
        const end = Math.max(address + (registersOf[type] ?? 0), address + (factor ?? 0) + 1);
        return { first, count: end - first };
      });
      const [plan] = planDevice(device);
      const { blocks = [], limits } = plan ?? {};
      if (limits === undefined) throw new Error('no plan');
      for (const block of blocks) {
        for (const { first, valueAt, factorAt, count, setting } of block.points) {
          expect(first + valueAt).toBe(setting.address);
          if (factorAt !== null) expect(first + factorAt).toBe(setting.scaleFactor);
          expect(first >= block.first && first + count <= endOf(block)).toBe(true);
        }
      }
      const total = blocks.reduce((sum, { count }) => sum + limits.cost(count), 0);
      expect(total).toBeCloseTo(leastByTrying(wanted, limits), 6);
    }),
    { numRuns: 300 },
  );
});

test('thousands of tags are planned at once', () => {
  const wanted = Array.from({ length: 20_000 }, (_, n) => ({ first: (n * 7_919) % 60_000, count: 1 + (n % 4) }));
  const limits = { maxCount: 125, maxGap: 8, avoid: [], cost: fewestRequests };
  const startedMs = performance.now();
  expect(cheapestBlocks(wanted, limits).length).toBeLessThan(60_000 / 60);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

const order = (a: Span, b: Span): number => a.first - b.first || a.count - b.count;

/** The rule said anew: short enough, nothing forbidden, and no run of registers longer than maxGap inside that nobody wants. */
function mayBeOne(group: readonly Span[], wanted: readonly Span[], { maxCount, maxGap, avoid }: Limits): boolean {
  const first = Math.min(...group.map((one) => one.first));
  const end = Math.max(...group.map(endOf));
  let unwanted = 0;
  for (let register = first; register < end; register++) {
    if (avoid.some((hole) => hole.first <= register && register < endOf(hole))) return false;
    const isWanted = wanted.some((one) => one.first <= register && register < endOf(one));
    unwanted = isWanted ? 0 : unwanted + 1;
    if (unwanted > maxGap) return false;
  }
  return end - first <= maxCount;
}

const costOfGroup = (group: readonly Span[], cost: Cost): number =>
  cost(Math.max(...group.map(endOf)) - Math.min(...group.map(({ first }) => first)));

/** Every way to put the spans into groups. */
function leastByTrying(wanted: readonly Span[], limits: Limits): number {
  let least = Number.POSITIVE_INFINITY;
  const place = (position: number, groups: Span[][]): void => {
    const one = wanted[position];
    if (one === undefined) {
      if (!groups.every((group) => mayBeOne(group, wanted, limits))) return;
      least = Math.min(
        least,
        groups.reduce((sum, group) => sum + costOfGroup(group, limits.cost), 0),
      );
      return;
    }
    for (const group of groups) {
      group.push(one);
      place(position + 1, groups);
      group.pop();
    }
    place(position + 1, [...groups, [one]]);
  };
  place(0, []);
  return least;
}
