import { expect, it } from 'vitest';
import { encodedAt, restartLoss } from '../../../src/journal/undated/restart-loss.ts';

const [earlier, later] = [1_790_000_000_000_000, 1_790_000_600_000_000];
const inSeventies = 60_000_000;

it('reaches from the last batch to the next start, whichever the clocks call the earlier', () => {
  expect(restartLoss(earlier, later)).toMatchObject({ from: earlier, to: later, samples: null, reason: 'restart' });
  expect(restartLoss(later, earlier)).toMatchObject({ from: earlier, to: later });
});

it('does not reach back to 1970', () => {
  expect(restartLoss(inSeventies, later)).toMatchObject({ from: later, to: later });
});

it('lets a batch count as encoded at the last time known, until there is a time', () => {
  expect(encodedAt(inSeventies, () => earlier)).toBe(earlier);
  expect(encodedAt(later, () => earlier)).toBe(later);
  expect(encodedAt(earlier, () => later)).toBe(earlier);
});
