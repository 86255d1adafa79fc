/**
 * How a log is known again. Offsets count from 0 in every log, so an offset alone does not tell whether the log under a
 * name is still the one it was taken from: a topic may have been deleted and made again, and be longer than before. So a
 * position carries a proof, made from the record before it; whoever goes on from there looks at that record first.
 */
import { crc32 } from 'node:zlib';
import { recordHeaders } from '@fieldline/shared/contracts';
import type { RecordHeaders } from './backbone.ts';

/** The time of reception is in it because some messages (births) are alike to the byte whenever they are sent. */
export function proofOf({ value, headers }: { readonly value: Buffer; readonly headers: RecordHeaders }): string {
  const sum = crc32(value, crc32(headers[recordHeaders.receivedAt] ?? ''));
  return `${sum.toString(16).padStart(8, '0')}-${value.length}`;
}
