import type { Clock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import type { Database } from '../../src/api/database.ts';
import { countDoubled } from '../../src/api/doubled.ts';

/** Counts at once, one more each time. */
function open() {
  let nowMs = 0;
  let counts = 0;
  const clock: Clock = { now: () => nowMs * 1_000, monotonicMs: () => nowMs };
  const query = async <Row>(): Promise<Row[]> => [{ doubled: ++counts } as Row];
  const database: Database = { query, trouble: () => null, close: async () => {} };
  const doubled = countDoubled(database, clock);
  return {
    last: () => doubled.last().doubled,
    next: () => waitFor(() => doubled.last().doubled, { what: 'a count' }),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('what was counted is told while somebody goes on asking', async () => {
  const { last, next, pass } = open();
  expect(last()).toBeNull();
  expect(await next()).toBe(1);
  pass(30_000);
  expect(last()).toBe(1);
  expect(await waitFor(() => last() === 2, { what: 'the next count' })).toBe(true);
});

test('after a while in which nobody asked, nothing old is told', async () => {
  const { last, next, pass } = open();
  await next();
  pass(3_600_000);
  expect(last()).toBeNull();
  expect(await next()).toBe(2);
});
