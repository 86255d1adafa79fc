/**
 * A dead letter as a record of the mirror topic: the record as it came, key, headers and bytes, and beside them what is known
 * of it. Whoever reads the topic knows a letter that comes twice by `dead-letter-id`.
 */
import { keyOf } from '@fieldline/shared/contracts';
import type { NewRecord, RecordHeaders } from '../backbone/backbone.ts';
import { recordBytes } from '../backbone/record-size.ts';
import type { Letter } from './letters.ts';
import { formatPositions } from './positions.ts';

const maxReasonCharacters = 1_000;
const unknownGateway = 'unknown';

/** Where the whole is too large for the backbone, as is said of some letters, the bytes stay in the table. */
export function mirrorRecordOf(letter: Letter, maxRecordBytes: number): NewRecord {
  const key = keyOf(letter.gateway ?? unknownGateway);
  const own = ownHeaders(letter);
  const whole = { key, value: letter.bytes, headers: { ...letter.headers, ...own } };
  if (recordBytes(whole) <= maxRecordBytes) return whole;
  const noBytes = { key, value: Buffer.alloc(0), headers: { ...whole.headers, 'dead-letter-left-out': 'bytes' } };
  if (recordBytes(noBytes) <= maxRecordBytes) return noBytes;
  return { ...noBytes, headers: { ...own, 'dead-letter-left-out': 'bytes, headers' } };
}

function ownHeaders(letter: Letter): RecordHeaders {
  const { id, stage, code, reason, topic, partition, offset, positions, sizeBytes, receivedAt } = letter;
  return {
    'dead-letter-id': String(id),
    'dead-letter-stage': stage,
    'dead-letter-code': code,
    'dead-letter-reason': reason.slice(0, maxReasonCharacters).toWellFormed(),
    'dead-letter-topic': topic,
    ...(partition === null ? {} : { 'dead-letter-partition': String(partition) }),
    ...(offset === null ? {} : { 'dead-letter-offset': String(offset) }),
    ...(positions === null ? {} : { 'dead-letter-positions': formatPositions(positions) }),
    'dead-letter-received-at': String(receivedAt),
    'dead-letter-bytes': String(sizeBytes),
  };
}
