import type { Requirement } from './describe-with.ts';
import { type BinFolder, systemBinaries } from './postgres-binaries.ts';

const folder = systemBinaries();

/** A PostgreSQL that the system brought, beside the newer one of npm: without TimescaleDB preloaded it is a plain one. */
export const systemPostgres: Requirement = {
  name: 'system-postgres',
  skipReason: folder === null ? 'no PostgreSQL is installed: apt-get install postgresql' : null,
};

export function systemBin(): BinFolder {
  if (folder === null) throw new Error(`PostgreSQL of the system: ${systemPostgres.skipReason}`);
  return folder;
}
