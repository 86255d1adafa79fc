/** Rows that nobody but PostgreSQL finds: the error names their line, so each row is sent twice at most. */
import { silentLog } from '@fieldline/shared/runtime';
import { describeWith, type TestPostgres } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore, type Session, type Store } from '../../src/store/connection.ts';
import { migrate } from '../../src/store/migrate.ts';
import { type RowSource, rowsOf } from '../../src/store/rows.ts';
import { writeSamples } from '../../src/store/write-samples.ts';
import { configFor, queryOf, servers } from '../processor/line.ts';

const start = Date.now() * 1_000;
const tags = 10;
const sourceOf = (values: readonly RowSource['value'][number][]): RowSource => ({
  streamNo: 7,
  seq: 1,
  time: values.map((_, n) => start + n),
  value: values,
  quality: values.map(() => 0),
  tagIndex: values.map((_, n) => n % tags),
  seriesIds: Array.from({ length: tags }, (_, n) => n + 1),
});

for (const { name, requirement, open } of servers) {
  describeWith(requirement, `rows that ${name} refuses`, () => {
    let server: TestPostgres;
    let store: Store;
    let query: ReturnType<typeof queryOf>;
    let close: () => Promise<void>;
    beforeAll(async () => {
      server = await open();
      const database = await server.createDatabase();
      const { database: config } = configFor(database.url, '/nowhere');
      await migrate(config, silentLog);
      store = openStore(config, 'test');
      query = queryOf(database.url);
      close = async () => {
        await store.close();
        await database.drop();
        if ('close' in server && typeof server.close === 'function') await server.close();
      };
    });
    afterAll(() => close());

    /** With how many COPYs it took. */
    async function write(values: readonly RowSource['value'][number][]) {
      let copies = 0;
      const counting = (session: Session): Session => ({
        ...session,
        copy: (sql, source) => {
          copies += 1;
          return session.copy(sql, source);
        },
      });
      const { refused } = await store.inTransaction((session) =>
        writeSamples(counting(session), rowsOf([sourceOf(values)])),
      );
      return { refused: refused.toSorted((a, b) => a.row - b.row), copies };
    }

    test('because of a character that text cannot hold, or a constraint that somebody set', async () => {
      const values = Array.from({ length: 3_000 }, (_, n) => {
        if (n === 17 || n === 2_999) return `a\u0000b`;
        return n === 1_500 ? -1 : n % 2 === 0 ? n : `text ${n}`;
      });
      await query('ALTER TABLE sample ADD CONSTRAINT plausible CHECK (value >= 0)');
      const { refused, copies } = await write(values);
      expect(refused.map(({ row }) => row)).toEqual([17, 1_500, 2_999]);
      expect(refused[0]?.reason).toContain('SQLSTATE 22021');
      expect(refused[1]?.reason).toMatch(/plausible.*SQLSTATE 23514/);
      // One that fails and one for the rows before it, for each bad row, and one for the rest.
      expect(copies).toBeLessThanOrEqual(2 * 3 + 1);
      const [{ rows } = { rows: 0 }] = await query<{ rows: number }>('SELECT count(*)::int AS rows FROM sample');
      expect(rows).toBe(2_997);
    });
  });
}
