import type { FieldlineError } from '@fieldline/shared/contracts';
import { describeWith } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../src/store/connection.ts';
import { type RowSource, rowsOf } from '../../src/store/rows.ts';
import { writeSamples } from '../../src/store/write-samples.ts';
import { servers } from '../processor/line.ts';
import { openTables, type Tables } from './open-tables.ts';

const start = 1_790_000_000_000_001;
const sourceOf = (values: readonly RowSource['value'][number][], seq = 1): RowSource => ({
  streamNo: 7,
  seq,
  time: values.map((_, n) => start + n),
  value: values,
  quality: values.map((value) => (value === null ? 201 : 0)),
  tagIndex: values.map((_, n) => n % 5),
  seriesIds: [12, 3, 77, 4, 1],
});

for (const { name, requirement, open } of servers) {
  describeWith(requirement, `writing rows to ${name}`, () => {
    let close: () => Promise<void>;
    let store: Store;
    let query: Tables['query'];
    beforeAll(async () => {
      ({ store, query, close } = await openTables(await open()));
    });
    afterAll(() => close());
    beforeEach(async () => {
      await query('TRUNCATE sample');
      await query('ALTER TABLE sample DROP CONSTRAINT IF EXISTS plausible');
    });

    const write = async (sources: readonly RowSource[]) =>
      (await store.inTransaction((session) => writeSamples(session, rowsOf(sources)))).refused;

    test('brings back every value, time and batch as it was', async () => {
      const value = fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\u0000')),
        fc.constant(null),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 300 }), async (values) => {
          await query('TRUNCATE sample');
          expect(await write([sourceOf(values, 4_000_000_000)])).toEqual([]);
          const rows = await query(
            `SELECT value, text, quality, series_id, (batch >> 32)::int AS stream_no, (batch & 4294967295)::text AS seq,
               (extract(epoch FROM time) * 1000000)::int8::text AS time FROM sample ORDER BY time`,
          );
          expect(rows).toEqual(
            values.map((each, n) => ({
              value: typeof each === 'string' || each === null ? null : Number(each),
              text:
                typeof each === 'string'
                  ? each
                  : typeof each === 'bigint' && !Number.isSafeInteger(Number(each))
                    ? `${each}`
                    : null,
              quality: each === null ? 201 : 0,
              series_id: [12, 3, 77, 4, 1][n % 5],
              stream_no: 7,
              seq: '4000000000',
              time: `${start + n}`,
            })),
          );
        }),
        { numRuns: 15 },
      );
    });

    test('takes a text that is larger than a piece of the COPY', async () => {
      const texts = ['a'.repeat(100), 'ü'.repeat(300_000), 'b', 'c'.repeat(262_000), 'd'];
      expect(await write([sourceOf(texts)])).toEqual([]);
      expect(await query('SELECT text FROM sample ORDER BY time')).toEqual(texts.map((text) => ({ text })));
    });

    test('writes the rows of a transaction series by series', async () => {
      await write([sourceOf(Array(50).fill(1), 1), sourceOf(Array(50).fill(2), 2)]);
      const rows = await query<{ series_id: number }>('SELECT series_id FROM sample ORDER BY tableoid, ctid');
      expect(rows.map((row) => row.series_id)).toEqual([1, 3, 4, 12, 77].flatMap((id) => Array(20).fill(id)));
    });

    test('puts aside exactly the rows that are refused, wherever they stand', async () => {
      await query('ALTER TABLE sample ADD CONSTRAINT plausible CHECK (value >= 0)');
      await fc.assert(
        fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 400 }), async (good) => {
          await query('TRUNCATE sample');
          const refused = await write([sourceOf(good.map((is, n) => (is ? n : -1)))]);
          const bad = good.flatMap((is, n) => (is ? [] : [n]));
          expect(refused.map(({ row }) => row).sort((a, b) => a - b)).toEqual(bad);
          const [row] = await query<{ n: bigint }>('SELECT count(*) AS n FROM sample');
          expect(Number(row?.n)).toBe(good.length - bad.length);
        }),
        { numRuns: 10 },
      );
    });

    test('finds what is refused of many rows in whichever store they go', async () => {
      await query('ALTER TABLE sample ADD CONSTRAINT plausible CHECK (value <> 13)');
      const bad = [0, 1_999, 4_000, 5_999];
      const values = Array.from({ length: 6_000 }, (_, n) => (bad.includes(n) ? 13 : n + 100));
      const refused = await write([sourceOf(values)]);
      expect(refused.map(({ row }) => row).sort((a, b) => a - b)).toEqual(bad);
      for (const { reason } of refused) expect(reason).toContain('plausible');
      const [row] = await query('SELECT count(*)::int AS n, count(DISTINCT time)::int AS times FROM sample');
      expect(row).toEqual({ n: 5_996, times: 5_996 });
    });

    test('does not blame a row for what is no fault of it', async () => {
      await query('ALTER TABLE sample RENAME TO hidden');
      try {
        await expect(write([sourceOf([1, 2])])).rejects.toMatchObject({
          code: 'database/refused',
        } satisfies Partial<FieldlineError>);
      } finally {
        await query('ALTER TABLE hidden RENAME TO sample');
      }
    });
  });
}
