import { FieldlineError } from '@fieldline/shared/contracts';
import type { NewRecord } from './backbone.ts';

/** Bytes of key, headers and value: what the bounds of the backbone count. */
export function recordBytes(record: NewRecord): number {
  let bytes = Buffer.byteLength(record.key) + record.value.length;
  for (const [name, text] of Object.entries(record.headers)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(text);
  }
  return bytes;
}

/** @throws FieldlineError record/too-large */
export function checkRecordSize(record: NewRecord, maxRecordBytes: number): number {
  const bytes = recordBytes(record);
  if (bytes > maxRecordBytes) {
    throw new FieldlineError(
      'record/too-large',
      `a record of ${record.key} has ${bytes} bytes; backbone.maxRecordBytes is ${maxRecordBytes}`,
    );
  }
  return bytes;
}
