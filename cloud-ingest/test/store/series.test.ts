import { silentLog } from '@fieldline/shared/runtime';
import { requirePostgres, type TestDatabase, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { carryOut } from '../../src/registry/carry-out.ts';
import { openStore, type Session, type Store } from '../../src/store/connection.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { Fields } from '../../src/store/periods.ts';
import { SeriesCache } from '../../src/store/series.ts';
import { configFor, queryOf, tagOf } from '../processor/line.ts';

const always = Number.NEGATIVE_INFINITY;

describe('the cache of series', () => {
  let database: TestDatabase;
  let store: Store;
  let query: ReturnType<typeof queryOf>;
  beforeAll(async () => {
    database = await (await requirePostgres()).createDatabase();
    const { database: config } = configFor(database.url, '/nowhere');
    await migrate(config, silentLog);
    store = openStore(config, 'test', 4);
    query = queryOf(database.url);
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });

  const tags = [tagOf('a'), tagOf('b')];
  const wanted = (gateway: string) => [{ gateway, tags }];
  /** The scale by which a transaction of this cache would write tag a at present. */
  const scaleIn = async (cache: SeriesCache, session: Session, gateway: string): Promise<number | undefined> => {
    const [ids] = await cache.resolve(session, wanted(gateway));
    return cache.rulesOf(ids?.[0] ?? 0).periods.at(-1)?.scale;
  };
  const use = async (cache: SeriesCache, gateway: string): Promise<number | undefined> => {
    const scale = await store.inTransaction((session) => scaleIn(cache, session, gateway));
    cache.committed();
    return scale;
  };
  const edit = (gateway: string, stated: Partial<Fields>) =>
    carryOut(store, {
      edits: [{ gateway, device: 'plc1', tag: 'a', stated, released: [] }],
      since: { validFrom: 1, note: null },
      dryRun: false,
      problemsOf: (found) => found.map(({ message }) => message),
    });

  test('knows every edit in the next transaction, in every lane', async () => {
    const lanes = [new SeriesCache(), new SeriesCache(), new SeriesCache()];
    for (const lane of lanes) expect(await use(lane, 'g1')).toBe(1);
    for (const scale of [2, 3]) {
      await edit('g1', { scale });
      for (const lane of lanes) expect(await use(lane, 'g1')).toBe(scale);
      for (const lane of lanes) expect(await use(lane, 'g1')).toBe(scale);
    }
  });

  test('lets an edit wait for the transactions that run by what held before, and later ones for the edit', async () => {
    const [early, late] = [new SeriesCache(), new SeriesCache()];
    await use(early, 'g2');
    const done: string[] = [];
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const running = store
      .inTransaction(async (session) => {
        expect(await scaleIn(early, session, 'g2')).toBe(1);
        begun.resolve();
        await held;
      })
      .then(() => done.push('rows'));
    await begun.promise;
    const editing = edit('g2', { scale: 5 }).then(() => done.push('edit'));
    await waitFor(async () => (await waiting()) === 1, { what: 'the edit to wait' });
    const after = use(late, 'g2').then((scale) => done.push(`rows by ${scale}`));
    await waitFor(async () => (await waiting()) === 2, { what: 'the next transaction to wait' });
    expect(done).toEqual([]);
    letGo();
    await Promise.all([running, editing, after]);
    expect(done).toEqual(['rows', 'edit', 'rows by 5']);
  });
  const waiting = async (): Promise<number> => {
    const [row] = await query<{ n: bigint }>(
      `SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    return Number(row?.n);
  };

  test('remembers nothing of a transaction that was taken back, neither series nor rules', async () => {
    const cache = new SeriesCache();
    await use(cache, 'g3');
    const broken = store.inTransaction(async (session) => {
      await session.query('UPDATE registry SET epoch = epoch + 1');
      await session.query(
        `INSERT INTO series_version (epoch, series_id, valid_from, origin, stated)
         SELECT epoch, series_id, '-infinity', 'operator', '{"scale": 9}' FROM registry, series WHERE gateway = 'g3' AND tag = 'a'`,
      );
      expect(await scaleIn(cache, session, 'g3')).toBe(9);
      await cache.resolve(session, wanted('g4'));
      throw new Error('taken back');
    });
    await expect(broken).rejects.toThrow('taken back');
    expect(await use(cache, 'g3')).toBe(1);
    // The number of this epoch was seen before, with other content.
    await edit('g3', { scale: 4 });
    expect(await use(cache, 'g3')).toBe(4);
    expect(await query(`SELECT FROM series WHERE gateway = 'g4'`)).toEqual([]);
    expect(await use(cache, 'g4')).toBe(1);
    expect(await query(`SELECT FROM series WHERE gateway = 'g4'`)).toHaveLength(2);
  });

  test('begins anew in a database whose registry is from before', async () => {
    const cache = new SeriesCache();
    await edit('g1', { scale: 7 });
    expect(await use(cache, 'g1')).toBe(7);
    await query('UPDATE registry SET epoch = 1');
    await query(`DELETE FROM series_version WHERE epoch > 1`);
    expect(await use(cache, 'g1')).toBe(1);
  });

  test('asks of text and flags what it asks of no number', async () => {
    const cache = new SeriesCache();
    await use(cache, 'g5');
    await edit('g5', { scale: 3, maximum: 1 });
    const rules = await store.inTransaction(async (session) => {
      const [ids] = await cache.resolve(session, [{ gateway: 'g5', tags: [tagOf('a', 'bool')] }]);
      return cache.rulesOf(ids?.[0] ?? 0);
    });
    expect(rules).toMatchObject({
      active: false,
      periods: [
        { from: always, scale: 1 },
        { from: 1, scale: 1 },
      ],
    });
  });
});
