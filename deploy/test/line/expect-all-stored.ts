import { expect } from 'vitest';
import { type Allowance, judge, type Verdict } from './judge.ts';
import { gateway, type Line } from './line.ts';

/** The line is settled: nothing missing, nothing doubled or made up, and the ledger agrees with the rows. */
export async function expectAllStored(
  { served, databaseUrl }: Pick<Line, 'served' | 'databaseUrl'>,
  allowance: Allowance = {},
): Promise<Verdict> {
  const found = await judge({ served, databaseUrl, gateway }, allowance);
  const { missing, surplus, matched, wrongBatches, streams } = found;
  expect.soft(missing.slice(0, 5), `${missing.length} of ${found.served} served values are in no row`).toEqual([]);
  expect.soft(surplus.slice(0, 5), `${surplus.length} rows hold what nobody served`).toEqual([]);
  expect(matched).toBeGreaterThan(100);
  expect(wrongBatches, 'batches whose rows are not as many as stored').toBe(0);
  expect(
    streams.filter(({ holes }) => holes !== 0),
    'streams with holes',
  ).toEqual([]);
  return found;
}
