import type { Requirement } from './describe-with.ts';
import { type BinFolder, timescaleBinaries } from './postgres-binaries.ts';

let found: BinFolder | null | undefined;

function find(): BinFolder | null {
  if (found === undefined) found = timescaleBinaries();
  return found;
}

/** TimescaleDB in a PostgreSQL of this machine: `startPostgres({ timescale: true })`. */
export const timescale: Requirement = {
  name: 'timescaledb',
  get skipReason() {
    return find() === null
      ? 'no PostgreSQL of this machine has it: install TimescaleDB, or name its programs in FIELDLINE_TEST_TIMESCALE_BIN'
      : null;
  },
};

export function timescaleBin(): BinFolder {
  const folder = find();
  if (folder === null) throw new Error(`TimescaleDB: ${timescale.skipReason}`);
  return folder;
}

export const timescaleSettings = {
  shared_preload_libraries: 'timescaledb',
  'timescaledb.telemetry_level': 'off',
  // Its job workers take slots; the default of PostgreSQL leaves too few for several databases.
  max_worker_processes: '40',
  'timescaledb.max_background_workers': '24',
};

/** The same programs as the Apache edition: hypertables, and nothing of what the community license covers. */
export const apacheSettings = { ...timescaleSettings, 'timescaledb.license': 'apache' };
