import { FieldlineError } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';

/**
 * Which database this is: the id that its first migration made, the cluster, and the timeline, which a restore to an earlier
 * point or a failover changes. What another incarnation confirmed, this one may not have.
 */
export async function readIncarnation(session: Session): Promise<string> {
  const [row] = await session.query<{ id: string; cluster: string | null; timeline: number | null }>(
    `SELECT id,
       CASE WHEN has_function_privilege('pg_control_system()', 'execute') THEN (SELECT system_identifier::text FROM pg_control_system()) END AS cluster,
       CASE WHEN has_function_privilege('pg_control_checkpoint()', 'execute') THEN (SELECT timeline_id FROM pg_control_checkpoint()) END AS timeline
     FROM incarnation`,
  );
  if (row === undefined) {
    throw new FieldlineError(
      'database/refused',
      'the table incarnation is empty: run INSERT INTO incarnation VALUES (gen_random_uuid()) in the schema of Fieldline',
    );
  }
  return [row.id, row.cluster, row.timeline].filter((part) => part !== null).join(':');
}
