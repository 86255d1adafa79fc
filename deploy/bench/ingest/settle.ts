/** What is done in the background in time (roll-ups, the columnstore) is done now, so that nothing is left to it. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import { systemClock } from '@fieldline/shared/runtime';
import { openStore } from '../../../cloud-ingest/src/store/connection.ts';
import { maintain } from '../../../cloud-ingest/src/store/maintenance/maintenance.ts';
import { editionOfSchema } from '../../../cloud-ingest/src/store/migrate.ts';
import { withClient } from './database-server.ts';

/** A chunk with rows in both stores takes two. */
const columnstoreRounds = 2;

const columnstoreJobs = `SELECT job_id::int4 AS id FROM timescaledb_information.jobs
  WHERE hypertable_name = 'sample' AND proc_name LIKE 'policy_compression%'`;

export async function settle(config: DatabaseConfig, signal: AbortSignal): Promise<void> {
  const store = openStore(config, 'fieldline-bench', 3);
  try {
    const edition = await store.withSession((session) => editionOfSchema(session, config.schema));
    for (let isMoreDue = true; isMoreDue && !signal.aborted; ) {
      const { levels } = await maintain({ store, config, edition, clock: systemClock });
      isMoreDue = levels.some((round) => round.isMoreDue);
    }
  } finally {
    await store.close();
  }
  await withClient(config.url, async (client) => {
    const { rows: jobs } = await client.query<{ id: number }>(columnstoreJobs);
    for (let round = 0; round < columnstoreRounds; round++)
      for (const { id } of jobs) await client.query(`CALL run_job(${id})`);
    await client.query('ANALYZE');
  });
}
