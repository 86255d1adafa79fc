import { FieldlineError } from '@fieldline/shared/contracts';
import pg from 'pg';

/**
 * What PostgreSQL's errors mean to us, in one place (SQLSTATE classes: PostgreSQL manual, appendix A).
 *
 *   database/data         a value cannot be stored: it becomes a dead letter, the flow goes on
 *   database/refused      somebody has to change something: a right, a password, a missing migration
 *   database/unreachable  no connection
 *   database/busy         the server cannot at the moment: disk, memory, locks, shutdown; and whatever we do not know, since
 *                         what is not surely the fault of the data must never make a dead letter
 */
export function troubleOf(error: unknown): FieldlineError {
  if (error instanceof FieldlineError) return error;
  const { message } = error as Error;
  if (!(error instanceof pg.DatabaseError)) {
    return new FieldlineError('database/unreachable', message || 'no connection to PostgreSQL', { cause: error });
  }
  const state = error.code ?? '';
  const code = isRowMissingItsPartition(error) ? 'database/busy' : codeOf(state);
  return new FieldlineError(code, `${message}${adviceOf(state)} (SQLSTATE ${state})`, { cause: error });
}

/** SQLSTATE behind an error of `troubleOf`; undefined where PostgreSQL did not say one. */
export const sqlStateOf = (error: unknown): string | undefined =>
  error instanceof Error && error.cause instanceof pg.DatabaseError ? error.cause.code : undefined;

/**
 * A row that was on its way to a partition while partitions were made: it fits a moment later. Constraints that people set
 * have a name, the bounds of a partition have none.
 */
const isRowMissingItsPartition = ({ code, constraint }: pg.DatabaseError): boolean =>
  code === '23514' && constraint === undefined;

const refused = /^(28|3D|3F|42501$|42P01$|42703$|42883$)/;
const unreachable = /^(08|57P0[123]$)/;

function codeOf(state: string) {
  if (/^2[23]/.test(state)) return 'database/data';
  if (refused.test(state)) return 'database/refused';
  return unreachable.test(state) ? 'database/unreachable' : 'database/busy';
}

function adviceOf(state: string): string {
  if (state.startsWith('28')) return ': check user and password of database.url and database.passwordFile';
  if (state === '3D000')
    return ': as administrator create it (CREATE DATABASE … OWNER …;), or name the right one in database.url';
  // A schema that this user may not use looks to it as if it were not there.
  if (state === '42P01' || state === '3F000')
    return ': run fieldline-ingest migrate; if that has been done, grant this user USAGE on the schema and rights on its tables';
  if (state === '42501') return ': as its owner grant this user USAGE on the schema and rights on its tables';
  if (state === '58P01')
    return ': if it names timescaledb, its program was upgraded and this database was not: run ALTER EXTENSION timescaledb UPDATE as the first statement of a session';
  return '';
}
