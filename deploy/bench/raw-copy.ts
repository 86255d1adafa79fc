import { copyIn } from '../../cloud-ingest/src/store/copy/copy-in.ts';
import { sampleColumns } from '../../cloud-ingest/src/store/copy/encode-rows.ts';
import { type BenchServer, withClient } from './database-server.ts';

/** One COPY in one transaction, from the first byte to the commit, in seconds. `bare`: a table of the same columns and nothing more. */
export async function rawCopy(
  server: BenchServer,
  messages: readonly Buffer[],
  into: 'sample' | 'bare',
): Promise<number> {
  const database = await server.migrated();
  try {
    return await withClient(database.config.url, async (client) => {
      if (into === 'bare') await client.query('CREATE TABLE bare (LIKE sample)');
      let next = 0;
      const startedAt = performance.now();
      await copyIn(
        client,
        `COPY ${into} (${sampleColumns}) FROM STDIN (FORMAT binary)`,
        () => messages[next++] ?? null,
      );
      return (performance.now() - startedAt) / 1_000;
    });
  } finally {
    await database.drop();
  }
}
