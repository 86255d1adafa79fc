import { FieldlineError } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';

/**
 * Where we run, as far as the layout of the tables depends on it:
 *   timescale         TimescaleDB community edition: hypertables, columnstore, continuous aggregates, policies
 *   timescale-apache  Apache edition: hypertables and no more; the roll-ups are our own
 *   plain             PostgreSQL: native partitions and our own roll-ups
 */
export const editions = ['timescale', 'timescale-apache', 'plain'] as const;
export type Edition = (typeof editions)[number];

export const hasHypertables = (edition: Edition): boolean => edition !== 'plain';
/** Whether partitions, roll-ups or retention are work of our own maintenance. */
export const needsMaintenance = (edition: Edition): boolean => edition !== 'timescale';

/** The oldest with the columnstore's present names. */
const oldestTimescale = [2, 18] as const;

/**
 * The edition for a new schema; makes the extension where the server is ready for it.
 * @throws FieldlineError database/refused
 */
export async function detectEdition(session: Session): Promise<Edition> {
  if (!(await isPreloaded(session))) return 'plain';
  const [available] = await session.query<{ installed: string | null }>(
    `SELECT installed_version AS installed FROM pg_available_extensions WHERE name = 'timescaledb'`,
  );
  if (available === undefined) return 'plain';
  const version = available.installed ?? (await createExtension(session));
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < oldestTimescale[0] || (major === oldestTimescale[0] && minor < oldestTimescale[1])) {
    throw new FieldlineError(
      'database/refused',
      `TimescaleDB ${version} is too old: ${oldestTimescale.join('.')} is needed. Run ALTER EXTENSION timescaledb UPDATE after installing it`,
    );
  }
  const [license] = await session.query<{ license: string | null }>(
    `SELECT current_setting('timescaledb.license', true) AS license`,
  );
  return license?.license === 'timescale' ? 'timescale' : 'timescale-apache';
}

/** The loader of TimescaleDB defines this setting when the server has preloaded it; without that it cannot be created. */
async function isPreloaded(session: Session): Promise<boolean> {
  const [row] = await session.query<{ loader: string | null }>(
    `SELECT current_setting('timescaledb.disable_load', true) AS loader`,
  );
  return row !== undefined && row.loader !== null;
}

async function createExtension(session: Session): Promise<string> {
  try {
    await session.query('CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public');
  } catch (error) {
    throw new FieldlineError(
      'database/refused',
      `the server has TimescaleDB, but this user cannot create it in the database: have its owner run CREATE EXTENSION timescaledb (${(error as Error).message})`,
      { cause: error },
    );
  }
  const [row] = await session.query<{ extversion: string }>(
    `SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'`,
  );
  return row?.extversion ?? '0';
}
