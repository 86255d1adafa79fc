/**
 * Whether the user of the API may read all that its answers are made of. Asked of the catalogue, so that it costs nothing and
 * waits for no lock; a test holds the list against the answers.
 */
import { rollupTable } from '../store/migrations/own-rollups.ts';
import { rollupLevels } from '../store/migrations/rollup-levels.ts';
import { unfinishedView } from '../store/migrations/rollup-views.ts';
import type { Database } from './database.ts';

export const relationsRead: readonly string[] = [
  ...[
    'gateway',
    'device',
    'series',
    'latest',
    'stream',
    'declaration',
    'anomaly',
    'dead_letter',
    'batch_log',
    'sample',
    'kept',
  ],
  ...rollupLevels.flatMap((level) => [rollupTable(level), unfinishedView(level)]),
];

type Rights = {
  readonly user: string;
  readonly schema: string;
  /** null: there is no such schema. */
  readonly mayUse: boolean | null;
  readonly absent: readonly string[];
  readonly refused: readonly string[];
};

/** What is missing, with the statements that mend it; null where nothing is. @throws as `Database.query` */
export async function missingRights(database: Database, schema: string): Promise<string | null> {
  const [rights] = await database.query<Rights>(rightsSql, [schema, relationsRead]);
  if (rights === undefined) return null;
  const { user, mayUse, absent, refused } = rights;
  // The catalogue tells of tables in a schema that may not be used as well.
  if (mayUse === null || absent.length > 0) {
    const what = mayUse === null ? `there is no schema ${rights.schema}` : `${absent.join(', ')} not there`;
    return `the database is not migrated (${what}): run fieldline-ingest migrate`;
  }
  if (mayUse && refused.length === 0) return null;
  const what = mayUse ? `may not read ${refused.join(', ')}` : `may not use the schema ${rights.schema}`;
  return `the user ${user} ${what}: as the owner of the tables run GRANT USAGE ON SCHEMA ${rights.schema} TO ${user}; GRANT SELECT ON ALL TABLES IN SCHEMA ${rights.schema} TO ${user};`;
}

const rightsSql = `
  select quote_ident(current_user) as user, quote_ident($1) as schema,
    (select has_schema_privilege(oid, 'USAGE') from pg_namespace where nspname = $1) as "mayUse",
    coalesce(array_agg(name order by place) filter (where oid is null), '{}') as absent,
    coalesce(array_agg(name order by place) filter (where not has_table_privilege(oid, 'SELECT')), '{}') as refused
  from unnest($2::text[]) with ordinality as wanted (name, place)
  left join pg_class on relname = name and relnamespace = (select oid from pg_namespace where nspname = $1)`;
