import { FieldlineError } from '@fieldline/shared/contracts';
import type { NewRecord } from './backbone.ts';

/** Bytes of key, headers and value: what the bounds of the backbone count. */
export function recordBytes(record: NewRecord): number {
  const { key, value, headers } = record;
  let bytes = utf8Bytes(key) + value.length;
  for (const name in headers) bytes += utf8Bytes(name) + utf8Bytes(headers[name] ?? '');
  return bytes;
}

/** Keys and headers are short and almost always ASCII: a loop is quicker than a call out of JavaScript. */
export function utf8Bytes(text: string): number {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return Buffer.byteLength(text);
  return text.length;
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
