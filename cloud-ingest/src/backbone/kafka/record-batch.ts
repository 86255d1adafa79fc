/**
 * Records as Kafka keeps them: a record batch of magic 2 (Kafka protocol, "Record Batch"), uncompressed, not idempotent. It
 * is sized first and then written once, into the request itself: an object and a buffer for every field, as KafkaJS
 * encodes, cost more than all the rest of the bridge together.
 */
import { crc32c } from '@node-rs/crc32';
import type { NewRecord } from '../backbone.ts';
import { utf8Bytes } from '../record-size.ts';

/** Base offset, batch length, leader epoch, magic, CRC: what the CRC does not cover. */
const checksumAt = 17;
const coveredAt = 21;
const headerBytes = 61;
const magic = 2;

/** A record batch that is sized and will be written where it is wanted. */
export type RecordBatch = {
  readonly sizeBytes: number;
  readonly writeTo: (target: Buffer, from: number) => void;
};

/** `records` are of one partition, at least one. */
export function recordBatchOf(records: readonly NewRecord[], timestampMs: number): RecordBatch {
  const bodySizes = records.map(bodySize);
  const sizeBytes = bodySizes.reduce((sum, body) => sum + varintSize(body) + body, headerBytes);
  return {
    sizeBytes,
    writeTo: (target, from) => {
      const batch = target.subarray(from, from + sizeBytes);
      writeHeader(batch, records.length, timestampMs);
      let at = headerBytes;
      for (const [index, record] of records.entries())
        at = writeRecord(batch, at, record, index, bodySizes[index] ?? 0);
      batch.writeUInt32BE(crc32c(batch.subarray(coveredAt)), checksumAt);
    },
  };
}

function writeHeader(batch: Buffer, records: number, timestampMs: number): void {
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch[16] = magic;
  batch.writeInt16BE(0, coveredAt);
  batch.writeInt32BE(records - 1, 23);
  batch.writeBigInt64BE(BigInt(timestampMs), 27);
  batch.writeBigInt64BE(BigInt(timestampMs), 35);
  // No producer id, epoch and sequence: doubles are known by the ledger.
  batch.fill(0xff, 43, 57);
  batch.writeInt32BE(records, 57);
}

/** Attributes, time delta, offset delta, key, value, headers. */
function writeRecord(batch: Buffer, from: number, { key, value, headers }: NewRecord, index: number, size: number) {
  let at = writeVarint(batch, from, size);
  batch[at++] = 0;
  batch[at++] = 0;
  at = writeVarint(batch, at, index);
  at = writeText(batch, at, key);
  at = writeVarint(batch, at, value.length);
  at += value.copy(batch, at);
  let count = 0;
  for (const _ in headers) count += 1;
  at = writeVarint(batch, at, count);
  for (const name in headers) at = writeText(batch, writeText(batch, at, name), headers[name] ?? '');
  return at;
}

function bodySize({ key, value, headers }: NewRecord, index: number): number {
  let size = 2 + varintSize(index) + textSize(key) + varintSize(value.length) + value.length;
  let count = 0;
  for (const name in headers) {
    count += 1;
    size += textSize(name) + textSize(headers[name] ?? '');
  }
  return size + varintSize(count);
}

/** Zigzag, seven bits to a byte; lengths and counts are never negative. */
function varintSize(value: number): number {
  let size = 1;
  for (let rest = value << 1; rest > 0x7f; rest >>>= 7) size += 1;
  return size;
}

function writeVarint(batch: Buffer, from: number, value: number): number {
  let at = from;
  let rest = value << 1;
  for (; rest > 0x7f; rest >>>= 7) batch[at++] = (rest & 0x7f) | 0x80;
  batch[at++] = rest;
  return at;
}

function textSize(text: string): number {
  const bytes = utf8Bytes(text);
  return varintSize(bytes) + bytes;
}

function writeText(batch: Buffer, from: number, text: string): number {
  const bytes = utf8Bytes(text);
  const at = writeVarint(batch, from, bytes);
  if (bytes !== text.length) return at + batch.write(text, at);
  for (let index = 0; index < bytes; index++) batch[at + index] = text.charCodeAt(index);
  return at + bytes;
}
