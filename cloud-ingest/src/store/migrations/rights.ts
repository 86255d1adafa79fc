import { FieldlineError } from '@fieldline/shared/contracts';
import type { Session } from '../connection.ts';
import type { Server } from '../edition.ts';

/**
 * What an administrator has to grant before this user can migrate: statements, to be run as they are. Whoever migrates, or
 * runs a processor, makes and drops partitions and refreshes aggregates, for which PostgreSQL wants an owner.
 */
export async function missingRights(session: Session, schema: string, server: Server): Promise<string[]> {
  const [row] = await session.query<{
    user: string;
    database: string;
    exists: boolean;
    isMigrated: boolean;
    mayCreateInDatabase: boolean;
    mayCreateInSchema: boolean;
    owners: string[];
  }>(
    `SELECT quote_ident(current_user) AS user, quote_ident(current_database()) AS database,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS exists,
       EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'migration') AS "isMigrated",
       has_database_privilege(current_database(), 'CREATE') AS "mayCreateInDatabase",
       coalesce((SELECT has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1), false)
         AS "mayCreateInSchema",
       ARRAY(SELECT DISTINCT quote_ident(tableowner) FROM pg_tables
             WHERE schemaname = $1 AND NOT pg_has_role(current_user, tableowner, 'USAGE') ORDER BY 1) AS owners`,
    [schema],
  );
  if (row === undefined) return [];
  const { user, database } = row;
  const grants: string[] = [];
  const needsExtension = server.lacksExtension && !row.isMigrated;
  if (!row.mayCreateInDatabase && (!row.exists || needsExtension)) {
    grants.push(`GRANT CREATE, CONNECT ON DATABASE ${database} TO ${user};`);
  }
  if (row.exists && !row.mayCreateInSchema) grants.push(`GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${user};`);
  for (const owner of row.owners) grants.push(`GRANT ${owner} TO ${user};`);
  return grants;
}

export const refusedFor = (grants: readonly string[]): FieldlineError =>
  new FieldlineError('database/refused', `the user lacks rights. As administrator run: ${grants.join(' ')}`);
