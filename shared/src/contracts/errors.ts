/**
 * The closed list of error codes: nobody matches on a message. `retryable` says whether the same call may succeed later
 * without anybody changing anything. The table in shared/README.md is checked against this list by a test.
 */
export const errorCodes = {
  'settings/invalid': {
    retryable: false,
    meaning: 'a settings file has problems; each is listed with file, line and column',
  },
  'settings/unreadable': { retryable: false, meaning: 'a settings file or a file it names cannot be read' },
  'arguments/invalid': { retryable: false, meaning: 'a program is used wrongly; how it is used is told with it' },
  'arguments/unknown': {
    retryable: false,
    meaning: 'a command names a tag, a stream or a dead letter that is not there',
  },
  'batch/malformed': {
    retryable: false,
    meaning: 'the payload is not a batch: truncated, not JSON, or its columns or its counts do not agree',
  },
  'batch/too-large': {
    retryable: false,
    meaning: 'the payload exceeds the size bound, as sent or after decompression',
  },
  'batch/unsupported-version': {
    retryable: false,
    meaning: 'the batch is in a newer version than this reader knows; redrive it after the upgrade',
  },
  'batch/foreign-gateway': { retryable: false, meaning: 'the payload claims another gateway than its topic' },
  'sample/malformed': { retryable: false, meaning: 'one value of a batch does not fit its stated type' },
  'sample/time-out-of-window': { retryable: false, meaning: 'the time of a sample lies outside the accepted window' },
  'message/malformed': {
    retryable: false,
    meaning: 'a state, birth, acknowledgement or command message cannot be read',
  },
  'topic/unknown': { retryable: false, meaning: 'no decoder claims the topic' },
  'record/too-large': {
    retryable: false,
    meaning: 'the backbone can never take the record: it exceeds its size bound',
  },
  'device/unreachable': { retryable: true, meaning: 'no connection to the device' },
  'device/timeout': { retryable: true, meaning: 'the device did not answer in time' },
  'device/exception': { retryable: false, meaning: 'the device answered with an exception' },
  'device/reply': { retryable: true, meaning: 'the answer of the device was malformed' },
  'journal/unwritable': {
    retryable: true,
    meaning: 'the journal cannot be written; samples go through bounded memory',
  },
  'journal/in-use': { retryable: false, meaning: 'another agent uses the journal folder' },
  'journal/foreign': { retryable: false, meaning: 'the journal folder holds batches of another gateway' },
  'journal/unreadable': { retryable: false, meaning: 'the journal folder is not there, or cannot be read' },
  'journal/damaged': { retryable: false, meaning: 'a check of the journal found troubles; each is told in a line' },
  'export/incomplete': {
    retryable: false,
    meaning: 'an export could not be written, or lacks what could not be read; what is missing is told',
  },
  'broker/unreachable': { retryable: true, meaning: 'no connection to the MQTT broker' },
  'broker/refused': {
    retryable: true,
    meaning: 'the MQTT broker refused the session: user, password, certificate or client id',
  },
  'backbone/unreachable': { retryable: true, meaning: 'no connection to Kafka, or the embedded log cannot be opened' },
  'backbone/refused': { retryable: false, meaning: 'Kafka refused the user, or the user lacks rights' },
  'backbone/unfit': { retryable: false, meaning: 'a topic exists with settings that do not keep the contract' },
  'database/unreachable': { retryable: true, meaning: 'no connection to PostgreSQL' },
  'database/refused': { retryable: false, meaning: 'PostgreSQL refused the user, or the user lacks rights' },
  'database/busy': {
    retryable: true,
    meaning: 'PostgreSQL cannot do it at the moment: no disk space, locked, starting or stopping',
  },
  'database/data': { retryable: false, meaning: 'PostgreSQL cannot store a value' },
  'database/fenced': { retryable: false, meaning: 'another processor holds the partition now' },
  'replay/running': { retryable: false, meaning: 'another replay runs on this database' },
  'replay/incomplete': {
    retryable: false,
    meaning: 'a replay left batches as they were: their records or rows are past retention, or it was stopped',
  },
  'redrive/incomplete': {
    retryable: false,
    meaning: 'dead letters that were to be redriven are dead still, or it was stopped',
  },
  'request/invalid': { retryable: false, meaning: 'a request to the API has parameters that cannot be used' },
  'request/token': { retryable: false, meaning: 'a request to the API lacks the token, or has a wrong one' },
  'request/misdirected': {
    retryable: false,
    meaning: 'a request reached an API on loopback under the name of another host',
  },
  'request/not-found': { retryable: false, meaning: 'the API has no such route, gateway or series' },
  'request/too-heavy': { retryable: true, meaning: 'a query of the API took too long and was stopped' },
  'request/busy': { retryable: true, meaning: 'the API has as many requests or listeners as it can serve' },
  'port/in-use': { retryable: false, meaning: 'another program listens on the port' },
} as const satisfies Record<string, { retryable: boolean; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** Every error that Fieldline throws on purpose. The message says what is wrong and what the operator can do. */
export class FieldlineError extends Error {
  override readonly name = 'FieldlineError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }
}

export const isFieldlineError = (error: unknown, code?: ErrorCode): error is FieldlineError =>
  error instanceof FieldlineError && (code === undefined || error.code === code);
