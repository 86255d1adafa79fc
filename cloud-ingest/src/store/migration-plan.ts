/** What a migration would do to a database: found out by looking only, so that it can be shown before it is done. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import { FieldlineError } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import { createExtension, type Edition, inspectServer, nameOf, type Server } from './edition.ts';
import { partitionSteps } from './maintenance/partitions.ts';
import { migrations, newestVersion } from './migrations/index.ts';
import type { Migration } from './migrations/migration.ts';
import { missingRights, refusedFor } from './migrations/rights.ts';
import { policyStatements } from './policies.ts';
import type { Step } from './step.ts';
import { sqlStateOf } from './trouble.ts';

export type MigrationPlan = {
  readonly server: Server;
  readonly edition: Edition;
  /** Of the schema as it is; 0 where there is none. */
  readonly version: number;
  readonly steps: readonly Step[];
  /** Names of the migrations among the steps. */
  readonly migrations: readonly string[];
  /** What an administrator has to run first; empty where nothing is missing. */
  readonly grants: readonly string[];
  /** What the operator should know, though nothing is wrong. */
  readonly notes: readonly string[];
};

const insufficientPrivilege = '42501';

/** @throws FieldlineError database/refused where this program and this database do not go together */
export async function planMigration(session: Session, config: DatabaseConfig, now: Micros): Promise<MigrationPlan> {
  const server = await inspectServer(session);
  const grants = await missingRights(session, config.schema, server);
  try {
    return { ...(await plan(session, config, now, server)), grants };
  } catch (error) {
    // Who lacks a right to change may lack that to look, too.
    throw grants.length > 0 && sqlStateOf(error) === insufficientPrivilege ? refusedFor(grants) : error;
  }
}

async function plan(
  session: Session,
  config: DatabaseConfig,
  now: Micros,
  server: Server,
): Promise<Omit<MigrationPlan, 'grants'>> {
  const done = await appliedMigrations(session, config.schema);
  const version = done.at(-1)?.version ?? 0;
  refuseNewer(version);
  const edition = done[0]?.edition ?? server.edition;
  if (done.length > 0) refuseLostEdition(edition, server);
  const pending = pendingMigrations(done);
  const steps: Step[] = [
    ...(server.lacksExtension && edition !== 'plain' ? [{ title: 'extension', statements: [createExtension] }] : []),
    ...(done.length === 0 ? [schemaStep(config.schema)] : []),
    ...pending.map((migration) => ({
      title: `${migration.version} ${migration.name}`,
      statements: [
        ...migration.statements({ edition, config }),
        `INSERT INTO migration (version, name, edition) VALUES (${migration.version}, '${migration.name}', '${edition}')`,
      ],
    })),
    ...(await settingsSteps(session, config, edition, version, now)),
  ];
  return {
    server,
    edition,
    version,
    steps,
    migrations: pending.map(({ name }) => name),
    notes: done.length === 0 || edition === server.edition ? [] : [stays(edition, server)],
  };
}

const schemaStep = (schema: string): Step => ({
  title: 'schema',
  statements: [
    `CREATE SCHEMA IF NOT EXISTS ${schema}`,
    `CREATE TABLE IF NOT EXISTS ${schema}.migration (
       version int4 PRIMARY KEY, name text NOT NULL, edition text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
  ],
});

/** What follows from the settings, and may change with them. */
async function settingsSteps(
  session: Session,
  config: DatabaseConfig,
  edition: Edition,
  version: number,
  now: Micros,
): Promise<Step[]> {
  if (edition === 'timescale-apache') return [];
  if (edition === 'plain') return partitionSteps(session, config, now);
  const [made] = version < 2 ? [] : await session.query<{ fingerprint: string }>('SELECT fingerprint FROM policy');
  const statements = policyStatements(config, made?.fingerprint ?? null);
  return statements.length === 0 ? [] : [{ title: 'policies', statements }];
}

type Applied = { readonly version: number; readonly edition: Edition };

export const pendingMigrations = (done: readonly Applied[]): readonly Migration[] =>
  migrations.filter((migration) => !done.some(({ version }) => version === migration.version));

export async function appliedMigrations(session: Session, schema: string): Promise<readonly Applied[]> {
  const [table] = await session.query<{ exists: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'migration') AS exists`,
    [schema],
  );
  if (table?.exists !== true) return [];
  return session.query(`SELECT version, edition FROM ${schema}.migration ORDER BY version`);
}

export function refuseNewer(version: number): void {
  if (version <= newestVersion) return;
  throw new FieldlineError(
    'database/refused',
    `the schema is at version ${version}, made by a newer fieldline-ingest; this one knows ${newestVersion}: install that one here too`,
  );
}

/** The layout stays what it was made for. It cannot do without what it was made of. */
export function refuseLostEdition(edition: Edition, { edition: found, lacksExtension, timescale }: Server): void {
  if (edition === 'plain') return;
  if (timescale === null || lacksExtension) {
    throw new FieldlineError(
      'database/refused',
      `the tables were made with TimescaleDB, which this ${timescale === null ? "server has not preloaded: set shared_preload_libraries = 'timescaledb' and restart it" : 'database has no more: restore it from a backup'}`,
    );
  }
  if (edition === 'timescale' && found !== 'timescale') {
    throw new FieldlineError(
      'database/refused',
      "the tables were made with TimescaleDB's community edition, and timescaledb.license is apache now: columnstore and aggregates cannot be kept. Set timescaledb.license = 'timescale' in postgresql.conf and restart the server",
    );
  }
}

const stays = (edition: Edition, { edition: found }: Server): string =>
  `the tables stay as they were made, for ${nameOf(edition)}, though the server is now ${nameOf(found)}: to use what it has learned, migrate an empty database and replay or copy the rows into it`;
