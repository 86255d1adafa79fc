import { type DecodedBatch, decodeBatch, unpackBatch } from '@fieldline/shared/contracts';
import { z } from 'zod';
import { parseNote } from '../note.ts';
import { type ChecksummedRow, rowChecksum } from '../row-checksum.ts';
import { type Column, columnsOf } from './cells.ts';

const gatewayOf = z.object({ gateway: z.string() });

/** Since format 2 a row carries its checksum: 6 columns. Of format 1 it has 5. */
export type FoundRow = ChecksummedRow & { readonly checksum: number | null };

/** A row of the table of batches, as its bytes have it; null where they are no such row. */
export function rowOf(seq: number, payload: Buffer): FoundRow | null {
  const columns = columnsOf(payload);
  if (columns === null || columns.length < 5 || columns.length > 6) return null;
  const [alias, samplesThrough, encodedAt, declared, bytes, checksum = null] = columns;
  if (alias !== null || !isCount(samplesThrough) || !isCount(encodedAt)) return null;
  if (declared === undefined || !(declared === null || typeof declared === 'string')) return null;
  if (!Buffer.isBuffer(bytes) || !(checksum === null || isCount(checksum))) return null;
  return { seq, samplesThrough, encodedAt, declared, bytes, checksum };
}

/** Whether a row is what was once written as this batch: by its checksum, or, where it has none, by what its batch says of itself. */
export function isProvenRow(stream: string, row: FoundRow): boolean {
  if (row.checksum !== null) return rowChecksum(stream, row) === row.checksum;
  const batch = batchIn(row.bytes);
  return batch !== null && batch.stream === stream && batch.seq === row.seq && batch.rejected.length === 0;
}

export const isProvenNote = (text: string): boolean => text.includes('\n') && parseNote(text) !== null;

/** null where the bytes are no batch, of whichever gateway. */
export function batchIn(bytes: Buffer): DecodedBatch | null {
  try {
    const said = gatewayOf.safeParse(JSON.parse(unpackBatch(bytes).toString('utf8')));
    const result = said.success ? decodeBatch(bytes, said.data.gateway) : null;
    return result?.ok === true ? result.batch : null;
  } catch {
    // Bytes that cannot be unpacked or parsed.
    return null;
  }
}

const isCount = (column: Column | undefined): column is number =>
  typeof column === 'number' && Number.isSafeInteger(column) && column >= 0;
