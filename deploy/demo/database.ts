/** The database of the demonstration: an embedded PostgreSQL that keeps its data, or the one that --database names. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FieldlineError } from '@fieldline/shared/contracts';
import { freePort } from '@fieldline/shared/testing/free-port';
import { embeddedBinaries } from '@fieldline/shared/testing/postgres-binaries';
import { createCluster } from '@fieldline/shared/testing/postgres-cluster';
import { canReach, type User, unprivilegedUser } from '@fieldline/shared/testing/unprivileged-user';
import pg from 'pg';
import { keepCluster, type Tell } from './keep-cluster.ts';

export type DemoDatabase = {
  /** With user and password. */
  readonly url: string;
  /** Where the data are, for the person at the terminal. */
  readonly place: string;
  readonly close: () => Promise<void>;
};

const role = 'fieldline';

export async function openDatabase(url: string | undefined, dataFolder: string, tell: Tell): Promise<DemoDatabase> {
  return url === undefined ? openEmbedded(dataFolder, tell) : openExternal(url);
}

async function openExternal(url: string): Promise<DemoDatabase> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  const { host, pathname } = new URL(url);
  try {
    await client.connect();
  } catch (error) {
    throw databaseError(error, `${host}${pathname}`);
  }
  try {
    const { rows } = await client.query<{ may: boolean; schema: boolean }>(
      `SELECT has_database_privilege(current_database(), 'CREATE') AS may, to_regnamespace('fieldline') IS NOT NULL AS schema`,
    );
    if (rows[0]?.may !== true && rows[0]?.schema !== true) {
      throw new FieldlineError(
        'database/refused',
        `--database: the user may not create a schema in ${host}${pathname}: GRANT CREATE ON DATABASE … TO that user`,
      );
    }
  } finally {
    await client.end();
  }
  return { url, place: `${host}${pathname}`, close: async () => {} };
}

/** Class 28: the password or the user is wrong; 3D000: no such database. */
function databaseError(error: unknown, place: string): FieldlineError {
  const { code = '', message } = error as { code?: string; message: string };
  if (code.startsWith('28') || code === '3D000') {
    return new FieldlineError('database/refused', `--database: ${place} refused: ${message}: check user and password`, {
      cause: error,
    });
  }
  return new FieldlineError(
    'database/unreachable',
    `--database: no PostgreSQL answers at ${place} (${code || message}): start it, or leave --database out`,
    { cause: error },
  );
}

async function openEmbedded(dataFolder: string, tell: Tell): Promise<DemoDatabase> {
  const user = unprivilegedUser();
  const folder = folderFor(user, dataFolder);
  mkdirSync(folder, { recursive: true });
  const cluster = createCluster({
    binaries: embeddedBinaries(user),
    dataFolder: join(folder, 'postgres'),
    port: await freePort(),
    password: passwordIn(dataFolder),
    user,
  });
  const close = await keepCluster(cluster, tell);
  const url = new URL(cluster.url);
  await ensureDatabase(url.href, decodeURIComponent(url.password));
  url.username = role;
  url.pathname = `/${role}`;
  return { url: url.href, place: join(folder, 'postgres'), close };
}

/** As root, PostgreSQL runs as another user: where that one cannot enter the checkout, the data stand outside it. */
function folderFor(user: User | undefined, dataFolder: string): string {
  if (user === undefined || canReach(user, dataFolder)) return dataFolder;
  const name = createHash('sha256').update(dataFolder).digest('hex').slice(0, 12);
  const stays = existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
  const folder = join(stays, `fieldline-${name}`);
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  if (owner !== undefined && owner !== process.getuid?.()) {
    throw new FieldlineError(
      'settings/invalid',
      `${folder} belongs to somebody else: give a folder with --data FOLDER`,
    );
  }
  return folder;
}

/** Made at the first start; it never leaves this machine. */
function passwordIn(dataFolder: string): string {
  const file = join(dataFolder, 'postgres.password');
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600, flag: 'wx' });
  }
  return readFileSync(file, 'utf8').trim();
}

/** The line works as the owner of its database, not as the superuser. */
async function ensureDatabase(url: string, password: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const roles = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role]);
    const verb = roles.rowCount === 0 ? 'CREATE' : 'ALTER';
    await client.query(`${verb} ROLE ${role} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
    const databases = await client.query('SELECT FROM pg_database WHERE datname = $1', [role]);
    if (databases.rowCount === 0) await client.query(`CREATE DATABASE ${role} OWNER ${role}`);
  } finally {
    await client.end();
  }
}
