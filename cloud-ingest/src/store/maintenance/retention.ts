import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Session } from '../connection.ts';
import { interval } from '../migrations/migration.ts';

/** The Apache edition has hypertables without policies. */
export async function dropOldChunks(session: Session, { retainRawMs }: DatabaseConfig): Promise<void> {
  for (const table of ['sample', 'batch_log'])
    await session.query(`SELECT drop_chunks('${table}', older_than => ${interval(retainRawMs)})`);
}

export async function dropOldRollups(session: Session, { retainMinutesMs }: DatabaseConfig): Promise<void> {
  await session.query(`DELETE FROM rollup_1m WHERE bucket < now() - ${interval(retainMinutesMs)}`);
}
