import { mostFileBytes, recordAt, recordPosition } from '@fieldline/shared/config';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Limits, Span } from '../../../src/drivers/modbus/blocks.ts';
import { indexIn } from '../../../src/drivers/modbus/blocks.ts';
import { requestOf, requestsOf } from '../../../src/drivers/modbus/requests.ts';

const limits: Limits = { maxCount: 121, maxGap: 4, avoid: [], cost: () => 1, maxSubRequests: 35 };
const at = (file: number, record: number, count = 1): Span => ({ first: recordPosition(file, record), count });
const stretchesOf = (points: readonly Span[], more: Partial<Limits> = {}) =>
  requestsOf(points, { ...limits, ...more }).map(({ stretches }) => stretches);

/** What stands where in the answer: each record by its position. */
const positionsOf = ({ stretches }: { readonly stretches: readonly Span[] }): number[] =>
  stretches.flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => first + index));

describe('requests for records of files', () => {
  it('read a short gap along, and never reach from one file into the next', () => {
    expect(stretchesOf([at(1, 0), at(1, 5), at(1, 11)])).toEqual([[at(1, 0, 6), at(1, 11)]]);
    expect(stretchesOf([at(1, 9_999), at(2, 0)])).toEqual([[at(1, 9_999), at(2, 0)]]);
    expect(stretchesOf([at(1, 0), at(1, 5)], { maxGap: 0 })).toEqual([[at(1, 0), at(1, 5)]]);
  });

  it('hold at most 35 stretches, and as many records as an answer has bytes for', () => {
    const scattered = Array.from({ length: 36 }, (_, index) => at(1, index * 10));
    expect(stretchesOf(scattered).map(({ length }) => length)).toEqual([35, 1]);
    const wide = Array.from({ length: 125 }, (_, index) => at(1, index));
    expect(stretchesOf(wide)).toEqual([[at(1, 0, 121)], [at(1, 121, 4)]]);
    // Two stretches of 2 + 2 × 60 bytes are 244 of 245; with one more record it is two too many.
    expect(stretchesOf([at(1, 0, 60), at(2, 0, 60)])).toHaveLength(1);
    expect(stretchesOf([at(1, 0, 60), at(2, 0, 61)])).toHaveLength(2);
    expect(stretchesOf([at(1, 0), at(2, 0)], { maxSubRequests: 1 })).toHaveLength(2);
    expect(stretchesOf([at(1, 0, 6), at(2, 0, 5)], { maxCount: 10 })).toHaveLength(2);
  });

  it('ask for each point by itself where a record is more than a register', () => {
    const apart = { maxGap: Number.NEGATIVE_INFINITY };
    const wanted = [at(1, 5, 4), at(1, 6, 2), at(1, 7), at(1, 5, 2)];
    expect(stretchesOf(wanted, apart)).toEqual([[at(1, 5, 2), at(1, 5, 4), at(1, 6, 2), at(1, 7)]]);
    const [request] = requestsOf(wanted, { ...limits, ...apart });
    expect(wanted.map((point) => (request === undefined ? null : indexIn(request, point)))).toEqual([2, 6, 8, 0]);
  });

  const points = fc.array(
    fc.record({
      file: fc.integer({ min: 1, max: 4 }),
      record: fc.integer({ min: 0, max: 300 }),
      count: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 1, maxLength: 60 },
  );
  it('hold every point whole in a stretch of their own, within every limit', () => {
    fc.assert(
      fc.property(
        points,
        fc.integer({ min: 1, max: 35 }),
        fc.integer({ min: 40, max: 121 }),
        (wanted, most, maxCount) => {
          const spans = wanted.map(({ file, record, count }) => at(file, record, count));
          const requests = requestsOf(spans, { ...limits, maxSubRequests: most, maxCount });
          expect(requests.flatMap((request) => request.points)).toHaveLength(spans.length);
          for (const request of requests) {
            const { stretches, count, points: own } = request;
            expect(count).toBe(stretches.reduce((sum, stretch) => sum + stretch.count, 0));
            expect(count).toBeLessThanOrEqual(maxCount);
            expect(stretches.length).toBeLessThanOrEqual(most);
            expect(stretches.length * 2 + count * 2).toBeLessThanOrEqual(mostFileBytes);
            for (const { first, count: length } of stretches) {
              expect(recordAt(first).file).toBe(recordAt(first + length - 1).file);
            }
            for (const point of own) {
              const begin = indexIn(request, point);
              expect(begin + point.count).toBeLessThanOrEqual(count);
              expect(positionsOf(request)[begin]).toBe(point.first);
              expect(positionsOf(request)[begin + point.count - 1]).toBe(point.first + point.count - 1);
            }
            expect(requestOf(own, limits)).toEqual(request);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
