/**
 * From the time of a sample to the commit of its row. The database tells when it has committed (`NOTIFY fieldline_commit`);
 * the batches that are new in its log by then give the time of their oldest sample.
 */
import pg from 'pg';

export type Delays = { readonly close: () => Promise<readonly number[]> };

const newBatches = `SELECT (1000 * EXTRACT(EPOCH FROM from_time))::float8 AS "fromMs", received_at::text AS "receivedAt"
  FROM batch_log WHERE received_at > $1 AND from_time IS NOT NULL ORDER BY received_at`;

export async function measureDelays(url: string): Promise<Delays> {
  const client = new pg.Client({ connectionString: url, options: '-c search_path=fieldline -c timezone=UTC' });
  await client.connect();
  const delaysMs: number[] = [];
  // Batches of one moment are stored together, so what is newer than the newest seen is new.
  let { receivedAt } = (await client.query<{ receivedAt: string }>('SELECT now()::text AS "receivedAt"')).rows[0] ?? {
    receivedAt: '-infinity',
  };
  let looking: Promise<void> = Promise.resolve();
  const look = async (committedMs: number): Promise<void> => {
    const { rows } = await client.query<{ fromMs: number; receivedAt: string }>(newBatches, [receivedAt]);
    for (const row of rows) delaysMs.push(committedMs - row.fromMs);
    receivedAt = rows.at(-1)?.receivedAt ?? receivedAt;
  };
  client.on('notification', () => {
    const committedMs = Date.now();
    looking = looking.then(() => look(committedMs));
  });
  await client.query('LISTEN fieldline_commit');
  return {
    close: async () => {
      client.removeAllListeners('notification');
      await looking;
      await client.end();
      return delaysMs;
    },
  };
}
