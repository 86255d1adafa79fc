import type { DatabaseConfig } from '@fieldline/shared/config';
import { FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';
import { type Clock, type Log, systemClock } from '@fieldline/shared/runtime';
import { openStore, type Session } from './connection.ts';
import { detectEdition, type Edition } from './edition.ts';
import { keepPartitions } from './maintenance/partitions.ts';
import { migrations, newestVersion } from './migrations/index.ts';
import type { Migration } from './migrations/migration.ts';
import { applyPolicies } from './policies.ts';

export type MigrateResult = { readonly edition: Edition; readonly applied: readonly string[] };

/** The number of our advisory lock: two that migrate at a time take turns. */
const migrationLock = 0x6669_656c;

/**
 * Brings the schema to the newest version, each step in a transaction of its own, and the policies to the settings. What
 * has been applied before is left alone: running it again changes nothing.
 * @throws FieldlineError database/refused with what has to be granted, database/unreachable
 */
export async function migrate(config: DatabaseConfig, log: Log, clock: Clock = systemClock): Promise<MigrateResult> {
  const store = openStore(config, 'fieldline-migrate', 1);
  try {
    return await store.withSession((session) => migrateLocked(session, config, log, clock));
  } catch (error) {
    throw await withGrant(error, config);
  } finally {
    await store.close();
  }
}

async function migrateLocked(session: Session, config: DatabaseConfig, log: Log, clock: Clock): Promise<MigrateResult> {
  // Session level, since it spans the transactions; the connection ends with us, and the lock with it.
  await session.query('SET lock_timeout = 0');
  await session.query('SELECT pg_advisory_lock($1)', [migrationLock]);
  await session.query(`CREATE SCHEMA IF NOT EXISTS ${config.schema}`);
  await session.query(
    `CREATE TABLE IF NOT EXISTS ${config.schema}.migration (
       version int4 PRIMARY KEY, name text NOT NULL, edition text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const done = await session.query<{ version: number; edition: Edition }>(
    'SELECT version, edition FROM migration ORDER BY version',
  );
  // The layout stays what it was made for, even if the server has learned more since.
  const edition = done[0]?.edition ?? (await detectEdition(session));
  const applied: string[] = [];
  for (const migration of migrations) {
    if (done.some(({ version }) => version === migration.version)) continue;
    await apply(session, migration, edition, config);
    applied.push(migration.name);
    log.info({ version: migration.version, migration: migration.name, edition }, 'schema changed');
  }
  if (edition === 'timescale') await applyPolicies(session, config);
  if (edition === 'plain') await keepPartitions(session, config, clock.now());
  await session.query('SELECT pg_advisory_unlock($1)', [migrationLock]);
  return { edition, applied };
}

async function apply(session: Session, migration: Migration, edition: Edition, config: DatabaseConfig): Promise<void> {
  await session.query('BEGIN');
  for (const statement of migration.statements({ edition, config })) await session.query(statement);
  await session.query('INSERT INTO migration (version, name, edition) VALUES ($1, $2, $3)', [
    migration.version,
    migration.name,
    edition,
  ]);
  await session.query('COMMIT');
}

/** What every other role asks first. @throws FieldlineError database/refused */
export async function editionOfSchema(session: Session, schema: string): Promise<Edition> {
  const [row] = await session.query<{ version: number | null; edition: Edition }>(
    `SELECT max(version) AS version, min(edition) AS edition FROM ${schema}.migration`,
  );
  if (row === undefined || (row.version ?? 0) < newestVersion) {
    throw new FieldlineError(
      'database/refused',
      `the schema is at version ${row?.version ?? 0}, this program needs ${newestVersion}: run fieldline-ingest migrate`,
    );
  }
  return row.edition;
}

async function withGrant(error: unknown, config: DatabaseConfig): Promise<unknown> {
  if (!isFieldlineError(error, 'database/refused') || sqlState(error) !== '42501') return error;
  const { username, pathname } = new URL(config.url);
  const user = decodeURIComponent(username) || 'the user';
  return new FieldlineError(
    'database/refused',
    `${error.message}: the user lacks rights. As administrator run: GRANT CREATE, CONNECT ON DATABASE ${decodeURIComponent(pathname.slice(1))} TO ${user}; ` +
      `and, if the schema belongs to somebody else: ALTER SCHEMA ${config.schema} OWNER TO ${user};`,
    { cause: error },
  );
}

const sqlState = (error: FieldlineError): unknown => (error.cause as { code?: unknown } | undefined)?.code;
