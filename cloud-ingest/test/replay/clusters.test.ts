import { expect, test } from 'vitest';
import { clustersOf } from '../../src/replay/batch-rows.ts';

const minute = 60_000_000;
const logged = (batch: string, fromTime: number | null, toTime: number | null) => ({
  batch,
  receivedAt: 0,
  stored: 1,
  rejected: 0,
  fromTime,
  toTime,
});

test('one batch of backlog does not widen the search for the others, and one without rows is not searched for', () => {
  expect(
    clustersOf([
      logged('3', 1_000 * minute, 1_001 * minute),
      logged('1', 5 * minute, 6 * minute),
      logged('4', null, null),
      logged('2', 1_005 * minute, 1_006 * minute),
    ]),
  ).toEqual([
    { batches: ['1'], from: 5 * minute, to: 6 * minute },
    { batches: ['3', '2'], from: 1_000 * minute, to: 1_006 * minute },
  ]);
});
