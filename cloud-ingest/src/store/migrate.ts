import type { DatabaseConfig } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { type Clock, type Log, systemClock } from '@fieldline/shared/runtime';
import { openStore, type Session } from './connection.ts';
import { createExtension, type Edition, inspectServer } from './edition.ts';
import {
  appliedMigrations,
  type MigrationPlan,
  pendingMigrations,
  planMigration,
  refuseLostEdition,
  refuseNewer,
} from './migration-plan.ts';
import { newestVersion } from './migrations/index.ts';
import { refusedFor } from './migrations/rights.ts';
import type { Step } from './step.ts';
import { sqlStateOf } from './trouble.ts';

export type MigrateResult = { readonly edition: Edition; readonly applied: readonly string[] };

/** The number of our advisory lock: two that migrate at a time take turns. */
const migrationLock = 0x6669_656c;
const insufficientPrivilege = '42501';

/**
 * Brings the schema to the newest version, each step in a transaction of its own, and policies and partitions to the
 * settings. What has been applied before is left alone: running it again changes nothing, and goes on where another ended.
 * @throws FieldlineError database/refused with what has to be granted, database/unreachable
 */
export const migrate = (config: DatabaseConfig, log: Log, clock: Clock = systemClock): Promise<MigrateResult> =>
  withMigrator(config, async (session) => {
    // Session level, since it spans the transactions; the connection ends with us, and the lock with it.
    await session.query('SET lock_timeout = 0');
    await session.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    const makePlan = async (): Promise<MigrationPlan> => {
      const plan = await planMigration(session, config, clock.now());
      if (plan.grants.length > 0) throw refusedFor(plan.grants);
      return plan;
    };
    let plan = await makePlan();
    if (plan.server.lacksExtension && plan.version === 0) {
      await makeExtension(session);
      // Only now is it known for sure which edition it is.
      plan = await makePlan();
    }
    for (const note of plan.notes) log.warn(note);
    for (const step of plan.steps) {
      await take(session, step);
      log.info({ step: step.title, edition: plan.edition }, 'schema changed');
    }
    await session.query('SELECT pg_advisory_unlock($1)', [migrationLock]);
    return { edition: plan.edition, applied: plan.migrations };
  });

/** What `migrate` would do; changes nothing. @throws FieldlineError as `migrate`, except for rights: they are in the plan */
export const planOf = (config: DatabaseConfig, clock: Clock = systemClock): Promise<MigrationPlan> =>
  withMigrator(config, async (session) => {
    await session.query('SET default_transaction_read_only = on');
    return planMigration(session, config, clock.now());
  });

async function withMigrator<Result>(
  config: DatabaseConfig,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const store = openStore(config, 'fieldline-migrate', 1);
  try {
    return await store.withSession(work);
  } finally {
    await store.close();
  }
}

async function makeExtension(session: Session): Promise<void> {
  try {
    await session.query(createExtension);
  } catch (error) {
    if (sqlStateOf(error) !== insufficientPrivilege) throw error;
    throw new FieldlineError(
      'database/refused',
      `the server has TimescaleDB, but this user cannot create it in the database. As administrator run, in this database: ${createExtension};`,
      { cause: error },
    );
  }
}

async function take(session: Session, { title, statements }: Step): Promise<void> {
  await session.query('BEGIN');
  for (const statement of statements) {
    try {
      await session.query(statement);
    } catch (error) {
      if (!(error instanceof FieldlineError)) throw error;
      throw new FieldlineError(error.code, `step "${title}" of the migration: ${error.message}`, {
        cause: error.cause,
      });
    }
  }
  await session.query('COMMIT');
}

/** What every other role asks first. @throws FieldlineError database/refused */
export async function editionOfSchema(session: Session, schema: string): Promise<Edition> {
  const done = await appliedMigrations(session, schema);
  const version = done.at(-1)?.version ?? 0;
  refuseNewer(version);
  const edition = done[0]?.edition;
  if (edition === undefined || pendingMigrations(done).length > 0) {
    throw new FieldlineError(
      'database/refused',
      `the schema is at version ${version}, this program needs ${newestVersion}: run fieldline-ingest migrate`,
    );
  }
  refuseLostEdition(edition, await inspectServer(session));
  return edition;
}
