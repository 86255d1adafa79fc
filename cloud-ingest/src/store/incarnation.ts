import { FieldlineError } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';

/** Of an incarnation, what the database itself holds. */
const idOf = (incarnation: string): string => incarnation.split(':', 1)[0] ?? '';

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

/**
 * The database was found to have gone back although it says that it is `known`: from now on it is another one. False if it is
 * another one already, e.g. because somebody else found out first.
 */
export async function renewIncarnation(session: Session, known: string): Promise<boolean> {
  const renewed = await session.query('UPDATE incarnation SET id = gen_random_uuid() WHERE id = $1 RETURNING id', [
    idOf(known),
  ]);
  return renewed.length > 0;
}
