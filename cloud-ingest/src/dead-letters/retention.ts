import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Session } from '../store/connection.ts';

/** Deleted by one statement: a flood of letters that all grow old at once must not hold the table for long. */
const atOnce = 5_000;

/** Letters older than the settings keep them, redriven or not; one that somebody redrives just now is left for next time. */
export async function deleteOldLetters(
  session: Session,
  { retainDeadLettersMs }: DatabaseConfig,
  nowMs: number,
): Promise<number> {
  const oldest = new Date(nowMs - retainDeadLettersMs);
  for (let deleted = 0; ; ) {
    const rows = await session.query(
      `DELETE FROM dead_letter WHERE id IN (
         SELECT id FROM dead_letter WHERE written_at < $1 ORDER BY written_at LIMIT ${atOnce} FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [oldest],
    );
    deleted += rows.length;
    if (rows.length < atOnce) return deleted;
  }
}
