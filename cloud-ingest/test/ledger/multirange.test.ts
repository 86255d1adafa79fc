import { addRange, type Ranges } from '@fieldline/shared/contracts';
import { requirePostgres } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMultirange, parseMultirange } from '../../src/ledger/multirange.ts';
import { queryOf } from '../processor/line.ts';

const ranges = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 30 })))
  .map((pairs) => pairs.reduce<Ranges>((sum, [from, length]) => addRange(sum, from, from + length), []));

describe('ranges as multiranges of PostgreSQL', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(ranges, (set) => {
        expect(parseMultirange(formatMultirange(set))).toEqual(set);
      }),
    );
  });

  test('are written as PostgreSQL itself writes them', async () => {
    const server = await requirePostgres();
    const samples = fc.sample(ranges, 50).map(formatMultirange);
    const rows = await queryOf(server.url)('SELECT unnest($1::int8multirange[])::text AS text', [samples]);
    expect(rows.map(({ text }) => text)).toEqual(samples);
  });

  test('are refused in another form', () => {
    expect(() => parseMultirange('{[1,)}')).toThrow(RangeError);
  });
});
