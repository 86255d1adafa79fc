import type { DatabaseConfig } from '@fieldline/shared/config';
import { readSecret } from '@fieldline/shared/runtime';
import pg from 'pg';
import { type CopySource, copyIn } from './copy/copy-in.ts';
import { troubleOf } from './trouble.ts';

const connectTimeoutMs = 5_000;
/** A processor whose host has vanished holds its ledger rows no longer than this. */
const idleInTransactionMs = 60_000;
const lockTimeoutMs = 30_000;

/** One connection, lent for one piece of work. Every error it throws is a FieldlineError of `troubleOf`. */
export type Session = {
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;
  /** COPY … FROM STDIN; resolves with the number of rows. */
  readonly copy: (sql: string, source: CopySource) => Promise<number>;
};

export type Store = {
  /** Statements that stand for themselves. */
  readonly withSession: <Result>(work: (session: Session) => Promise<Result>) => Promise<Result>;
  /** All of `work` or nothing. An error at the commit leaves open which of the two: look it up. */
  readonly inTransaction: <Result>(work: (session: Session) => Promise<Result>) => Promise<Result>;
  /** Idempotent. */
  readonly close: () => Promise<void>;
};

/** `name` shows in pg_stat_activity. Connects when first used, and again after a connection was lost. */
export function openStore(config: DatabaseConfig, name: string, maxConnections = 2): Store {
  const pool = new pg.Pool({ ...clientOptions(config, name), max: maxConnections, idleTimeoutMillis: 60_000 });
  // A connection that breaks while nobody uses it is replaced at its next use; one in use tells its user by itself.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  let closing: Promise<void> | undefined;
  const withSession: Store['withSession'] = async (work) => {
    const client = await pool.connect().catch((error: unknown) => {
      throw troubleOf(error);
    });
    let broken = true;
    try {
      const result = await work(sessionOf(client));
      broken = false;
      return result;
    } finally {
      // After an error the connection may be in any state; a new one costs milliseconds.
      client.release(broken);
    }
  };
  return {
    withSession,
    inTransaction: (work) =>
      withSession(async (session) => {
        await session.query('BEGIN');
        const result = await work(session);
        await session.query('COMMIT');
        return result;
      }),
    close: () => {
      closing ??= pool.end();
      return closing;
    },
  };
}

export function clientOptions(config: DatabaseConfig, name: string): pg.ClientConfig {
  return {
    connectionString: addressOf(config),
    application_name: name,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    options: [
      `search_path=${config.schema},public`,
      'timezone=UTC',
      'datestyle=ISO',
      // What is acknowledged to the gateways must be on the disk, whatever the server's default is.
      'synchronous_commit=on',
      // Compiling a query of the views takes seconds, running it milliseconds.
      'jit=off',
      `lock_timeout=${lockTimeoutMs}`,
      `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
    ]
      .map((setting) => `-c ${setting}`)
      .join(' '),
    types: { getTypeParser },
  };
}

/** The password goes into the address: pg takes all that an address can say from it, and nothing of that from elsewhere. */
function addressOf({ url, passwordFile }: DatabaseConfig): string {
  if (passwordFile === undefined) return url;
  const address = new URL(url);
  address.password = encodeURIComponent(readSecret(passwordFile, 'database.passwordFile'));
  return address.href;
}

/** Counts, offsets and µs stay below 2^53; `batch` does not and is read as text. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format);
}

export const sessionOf = (client: pg.ClientBase): Session => ({
  query: async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) => {
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } catch (error) {
      throw troubleOf(error);
    }
  },
  copy: async (sql, source) => {
    try {
      return await copyIn(client, sql, source);
    } catch (error) {
      throw troubleOf(error);
    }
  },
});
