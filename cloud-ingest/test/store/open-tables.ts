import { silentLog } from '@fieldline/shared/runtime';
import type { TestPostgres } from '@fieldline/shared/testing';
import { openStore, type Store } from '../../src/store/connection.ts';
import { migrate } from '../../src/store/migrate.ts';
import { configFor, queryOf } from '../processor/line.ts';

export type Tables = {
  readonly store: Store;
  readonly query: ReturnType<typeof queryOf>;
  readonly close: () => Promise<void>;
};

/** Our tables in a new database, without a processor. */
export async function openTables(server: TestPostgres): Promise<Tables> {
  const { url, drop } = await server.createDatabase();
  const { database: config } = configFor(url, '/nowhere');
  await migrate(config, silentLog);
  const store = openStore(config, 'test');
  return {
    store,
    query: queryOf(url),
    close: async () => {
      await store.close();
      await drop();
    },
  };
}
