/** What is dropped by age, where no policy of TimescaleDB and no partition does it. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Session } from '../connection.ts';
import type { Edition } from '../edition.ts';
import { interval } from '../migrations/migration.ts';
import type { RollupLevel } from '../migrations/rollup-levels.ts';

/** How long what a level is computed from is kept. */
export function retainSourceMs({ of }: RollupLevel, config: DatabaseConfig): number {
  if (of === null) return config.retainRawMs;
  return of === 'sample_1m' ? config.retainMinutesMs : config.retainHoursMs;
}

/**
 * Declarations and anomalies tell why a curve has gaps: they live as long as the one-minute summaries that show them. What
 * the ledger needs of them stands in `stream`, which is never cut: a batch may come again after years.
 */
const stories = [
  { table: 'declaration', at: 'declared_at' },
  { table: 'anomaly', at: 'at' },
] as const;

export async function keepRetention(session: Session, edition: Edition, config: DatabaseConfig): Promise<void> {
  const { retainRawMs, retainMinutesMs, retainHoursMs } = config;
  for (const { table, at } of stories) await deleteOld(session, table, at, retainMinutesMs);
  if (edition === 'timescale') return;
  await deleteOld(session, 'rollup_1h', 'bucket', retainHoursMs);
  if (edition === 'plain') return;
  // The Apache edition has hypertables without policies.
  for (const [table, ms] of [
    ['sample', retainRawMs],
    ['batch_log', retainRawMs],
    ['rollup_1m', retainMinutesMs],
  ] as const)
    await session.query(`SELECT drop_chunks('${table}', older_than => ${interval(ms)})`);
}

const deleteOld = (session: Session, table: string, column: string, ms: number): Promise<unknown> =>
  session.query(`DELETE FROM ${table} WHERE ${column} < now() - ${interval(ms)}`);
