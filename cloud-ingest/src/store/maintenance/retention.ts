/** What is dropped by age, where no policy of TimescaleDB and no partition does it. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import { deleteOldLetters } from '../../dead-letters/retention.ts';
import type { Session } from '../connection.ts';
import type { Edition } from '../edition.ts';

/**
 * Declarations and anomalies tell why a curve has gaps: they live as long as the one-minute summaries that show them. What
 * the ledger needs of them stands in `stream`, which is never cut: a batch may come again after years.
 */
const stories = [
  { table: 'declaration', at: 'declared_at' },
  { table: 'anomaly', at: 'at' },
] as const;

export async function keepRetention(
  session: Session,
  edition: Edition,
  config: DatabaseConfig,
  nowMs: number,
): Promise<void> {
  const instant = (ageMs: number): string => `TIMESTAMPTZ '${new Date(nowMs - ageMs).toISOString()}'`;
  for (const { table, at } of stories)
    await session.query(`DELETE FROM ${table} WHERE ${at} < ${instant(config.retainMinutesMs)}`);
  await deleteOldLetters(session, config, nowMs);
  if (edition === 'timescale') return;
  await session.query(`DELETE FROM rollup_1h WHERE bucket < ${instant(config.retainHoursMs)}`);
  if (edition === 'plain') return;
  // The Apache edition has hypertables without policies.
  for (const [table, ms] of [
    ['sample', config.retainRawMs],
    ['batch_log', config.retainRawMs],
    ['rollup_1m', config.retainMinutesMs],
  ] as const)
    await session.query(`SELECT drop_chunks('${table}', older_than => ${instant(ms)})`);
}
