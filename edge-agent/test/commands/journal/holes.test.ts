import type { Ranges } from '@fieldline/shared/contracts';
import { describe, expect, it } from 'vitest';
import { holes, type Known } from '../../../src/commands/journal/holes.ts';

const known = (held: Ranges, more: Partial<Known> = {}): Known => ({
  held: new Map([['a', held]]),
  confirmed: new Map(),
  noted: new Map(),
  declared: [],
  predecessors: [],
  ...more,
});

describe('holes', () => {
  it('are numbers before, between and after what is held that nothing accounts for', () => {
    const predecessors = [{ stream: 'a', lastSeq: 12 }];
    expect(
      holes(
        known(
          [
            [3, 5],
            [7, 9],
          ],
          { predecessors },
        ),
      ).map(({ range }) => range),
    ).toEqual([
      [1, 2],
      [6, 6],
      [10, 12],
    ]);
  });

  it('are none where batches were confirmed or declared as lost', () => {
    const confirmed = new Map<string, Ranges>([['a', [[1, 2]]]]);
    const declared = [{ kind: 'batches', stream: 'a', from: 6, to: 6, samples: 3, reason: 'disk-bound' }] as const;
    expect(
      holes(
        known(
          [
            [3, 5],
            [7, 9],
          ],
          { confirmed, declared },
        ),
      ),
    ).toEqual([]);
  });
});
