import { FieldlineError, isFieldlineError } from '@fieldline/shared/contracts';

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function openError(error: unknown, file: string): FieldlineError {
  const code = codeOf(error);
  const advice =
    code === 'SQLITE_BUSY' || code === 'SQLITE_LOCKED'
      ? 'another process has it open. The embedded log is for one process: stop the other one, run all roles in one (fieldline-ingest all), or use Kafka'
      : code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT'
        ? `it is damaged (${messageOf(error)}): move its folder away and start again; gateways send what the database lacks`
        : `${messageOf(error)}. Set backbone.folder to a folder that this user may write`;
  return new FieldlineError('backbone/unreachable', `the embedded log ${file} cannot be opened: ${advice}`, {
    cause: error,
  });
}

/** What is not SQLite's (a broken invariant of ours) is thrown on as it is. */
export function writeError(error: unknown, file: string): unknown {
  const code = codeOf(error);
  if (isFieldlineError(error) || !code.startsWith('SQLITE_')) return error;
  const advice =
    code === 'SQLITE_FULL'
      ? 'the disk is full: free some space or lower backbone.retentionBytes'
      : `${messageOf(error)} (${code})`;
  return new FieldlineError('backbone/unreachable', `the embedded log ${file} cannot be written: ${advice}`, {
    cause: error,
  });
}
