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

const editionNames: Record<Edition, string> = {
  timescale: 'TimescaleDB, community edition',
  'timescale-apache': 'TimescaleDB, Apache edition',
  plain: 'PostgreSQL without TimescaleDB',
};
export const nameOf = (edition: Edition): string => editionNames[edition];

/** The oldest with the columnstore's present names. */
const oldestTimescale = [2, 18] as const;

export type Server = {
  /** What a new schema would be made for. */
  readonly edition: Edition;
  readonly postgres: string;
  /** Version of TimescaleDB in this database, or the one it would get; null where the server is not ready for it. */
  readonly timescale: string | null;
  /** The server has TimescaleDB and this database does not: it is made before anything else. */
  readonly lacksExtension: boolean;
};

/** Only looks. @throws FieldlineError database/refused for a TimescaleDB that is too old */
export async function inspectServer(session: Session): Promise<Server> {
  const [row] = await session.query<{
    postgres: string;
    loader: string | null;
    installed: string | null;
    available: string | null;
    license: string | null;
  }>(
    // The loader of TimescaleDB defines the first setting when the server has preloaded it; without that it cannot be made.
    `SELECT current_setting('server_version') AS postgres, current_setting('timescaledb.disable_load', true) AS loader,
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS installed,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS available,
       current_setting('timescaledb.license', true) AS license`,
  );
  const postgres = row?.postgres ?? '';
  const timescale = row?.installed ?? row?.available ?? null;
  if (row === undefined || row.loader === null || timescale === null) {
    return { edition: 'plain', postgres, timescale: null, lacksExtension: false };
  }
  refuseOld(timescale);
  // Before the extension is made, the setting is known only where somebody has changed it.
  const edition = (row.license ?? 'timescale') === 'timescale' ? 'timescale' : 'timescale-apache';
  return { edition, postgres, timescale, lacksExtension: row.installed === null };
}

function refuseOld(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldestTimescale[0] || (major === oldestTimescale[0] && minor >= oldestTimescale[1])) return;
  throw new FieldlineError(
    'database/refused',
    `TimescaleDB ${version} is too old: ${oldestTimescale.join('.')} is needed. After installing it run ALTER EXTENSION timescaledb UPDATE as the first statement of a session`,
  );
}

export const createExtension = 'CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public';
