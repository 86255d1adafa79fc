/**
 * The API's own way to the database. It can only read, it has few connections and each statement has a time limit, so that
 * no question asked here, however heavy, stops the processor from storing.
 */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { FieldlineError } from '@fieldline/shared/contracts';
import pg from 'pg';
import { isoOf, microsOf } from '../instant.ts';
import { clientOptions } from '../store/connection.ts';
import { troubleOf } from '../store/trouble.ts';
import { RequestError } from './problem.ts';

const maxConnections = 4;
/** Requests that may wait for a connection; those beyond are told to come back. */
const maxWaiting = 64;
const statementTimeoutMs = 10_000;
const connectTimeoutMs = 3_000;

export type Database = {
  /** @throws FieldlineError database/unreachable, database/refused; RequestError request/busy, request/too-heavy */
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;
  /** What the last try to reach the database met, or null. */
  readonly trouble: () => string | null;
  readonly close: () => Promise<void>;
};

export function openDatabase(config: DatabaseConfig): Database {
  const pool = new pg.Pool({
    ...connectionOptions(config),
    max: maxConnections,
    idleTimeoutMillis: 30_000,
  });
  let trouble: string | null = null;
  // An idle connection that breaks is replaced by the pool; the next query tells whether the database is away.
  pool.on('error', (error) => {
    trouble = error.message;
  });
  return {
    query: async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) => {
      if (pool.waitingCount >= maxWaiting) {
        throw new RequestError('request/busy', `${maxWaiting} requests are waiting for the database already`);
      }
      try {
        const { rows } = await pool.query<Row>(sql, [...values]);
        trouble = null;
        return rows;
      } catch (error) {
        const known = classify(error);
        trouble = known.code.startsWith('database/') ? known.message : null;
        throw known;
      }
    },
    trouble: () => trouble,
    close: () => pool.end(),
  };
}

/** For one more connection beside the pool, with the same limits. */
export function connectionOptions(config: DatabaseConfig): pg.ClientConfig {
  const base = clientOptions(config, 'fieldline-api');
  return {
    ...base,
    connectionTimeoutMillis: connectTimeoutMs,
    options: `${base.options} -c default_transaction_read_only=on -c statement_timeout=${statementTimeoutMs}`,
    types: { getTypeParser },
  };
}

/** Counts as numbers (all stay below 2^53), instants as ISO text with their microseconds; the rest as pg has it. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === pg.types.builtins.INT8) return Number;
  if (oid === pg.types.builtins.TIMESTAMPTZ) return isoOfRow;
  return pg.types.getTypeParser(oid, format);
}

const isoOfRow = (text: string): string => {
  const micros = microsOf(text.replace(/([+-]\d{2})$/, '$1:00'));
  return micros === null ? text : isoOf(micros);
};

/** SQLSTATE 57014 is our own statement_timeout; the store knows all others. */
export const classify = (error: unknown): FieldlineError =>
  error instanceof pg.DatabaseError && error.code === '57014'
    ? new RequestError(
        'request/too-heavy',
        `stopped after ${statementTimeoutMs / 1_000} s: ask for a shorter range or fewer tags`,
      )
    : troubleOf(error);
