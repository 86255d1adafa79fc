/**
 * From the time of a sample to the commit of its row. The database tells when it has committed (`NOTIFY fieldline_commit`);
 * the batches that are new in its log by then give the time of their oldest sample.
 */
import pg from 'pg';

export type Delays = { readonly close: () => Promise<readonly number[]> };

/** Transactions run side by side, so one that was received before what has been seen may be committed after it: not later than this. */
const lookBack = `INTERVAL '10 seconds'`;

const newBatches = `SELECT batch::text, (1000 * EXTRACT(EPOCH FROM from_time))::float8 AS "fromMs", received_at::text AS "receivedAt"
  FROM batch_log WHERE received_at > $1::timestamptz - ${lookBack} AND from_time IS NOT NULL ORDER BY received_at`;

type NewBatch = { batch: string; fromMs: number; receivedAt: string };

export async function measureDelays(url: string): Promise<Delays> {
  const client = new pg.Client({ connectionString: url, options: '-c search_path=fieldline -c timezone=UTC' });
  await client.connect();
  const delaysMs: number[] = [];
  let { receivedAt } = (await client.query<{ receivedAt: string }>('SELECT now()::text AS "receivedAt"')).rows[0] ?? {
    receivedAt: '-infinity',
  };
  let seen = new Set((await client.query<NewBatch>(newBatches, [receivedAt])).rows.map(({ batch }) => batch));
  let looking: Promise<void> = Promise.resolve();
  const look = async (committedMs: number): Promise<void> => {
    const { rows } = await client.query<NewBatch>(newBatches, [receivedAt]);
    for (const { batch, fromMs } of rows) if (!seen.has(batch)) delaysMs.push(committedMs - fromMs);
    seen = new Set(rows.map(({ batch }) => batch));
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
