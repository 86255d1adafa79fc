/** What the database takes when nobody has to think: the measure of everything else. */
import { copyIn } from '../../../cloud-ingest/src/store/copy/copy-in.ts';
import { sampleColumns } from '../../../cloud-ingest/src/store/copy/encode-rows.ts';
import { type BenchServer, withClient } from './database-server.ts';
import type { Timed } from './in-turns.ts';

/**
 * One binary COPY by one connection in one transaction, from the first byte to the commit, into a table (a hypertable where
 * the server has them) of the columns of `sample` without an index.
 */
export async function rawCopy(server: BenchServer, messages: readonly Buffer[], rows: number): Promise<Timed> {
  const database = await server.migrated();
  try {
    return await withClient(database.config.url, async (client) => {
      await client.query('CREATE TABLE bare (LIKE sample)');
      if (server.hasTimescale) {
        await client.query(
          `SELECT create_hypertable('bare', by_range('time', INTERVAL '1 day'), create_default_indexes => false)`,
        );
      }
      let next = 0;
      const startedAt = performance.now();
      await copyIn(client, `COPY bare (${sampleColumns}) FROM STDIN (FORMAT binary)`, () => messages[next++] ?? null);
      return { rows, seconds: (performance.now() - startedAt) / 1_000 };
    });
  } finally {
    await database.drop();
  }
}
