/**
 * Record batches of magic 2 (Kafka protocol, "Record Batch") as KafkaJS fetches them, read by us: its own reader makes a buffer
 * for every field and an object for every header, which is most of what a small record costs on its way out of Kafka.
 *
 * Ours is put in the place of it (private, KafkaJS 2.2.4, frozen upstream). What it does not read (compressed, or cut off at the
 * end of a fetch) is left to the one of KafkaJS. A test notices an update that closes this seam.
 */
import { createRequire } from 'node:module';
import type { BackboneRecord } from '../backbone.ts';

/** How far KafkaJS has read in the bytes of a partition. */
type Place = { readonly buffer: Buffer; offset: number };
type ReadBatch = (place: Place) => Promise<{ readonly records: readonly unknown[] }>;

const require = createRequire(import.meta.url);
const seam = 'kafkajs/src/protocol/recordBatch/v0/decoder.js';

let isOurs = false;

/** Before anything is fetched: from here on consumers of this process get what `recordOf` takes as it is. */
export function readBatches(): void {
  if (isOurs) return;
  isOurs = true;
  const theirs: ReadBatch = require(seam);
  const module = require.cache[require.resolve(seam)];
  if (module === undefined) throw new Error(`${seam} is not where it was`);
  module.exports = async (place: Place) => {
    const records = recordsAt(place);
    return records === null ? theirs(place) : { records };
  };
}

/** What KafkaJS has to know of a record beside its offset. */
type BatchContext = { readonly producerId: string; readonly inTransaction: boolean };

/** A message to KafkaJS; to us a record, once its partition is said. */
export type FetchedRecord = { -readonly [Key in keyof BackboneRecord]: BackboneRecord[Key] } & {
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
};

export const isFetchedRecord = (message: object): message is FetchedRecord => 'timestampMs' in message;

const offsetAndLengthBytes = 12;
const attributesAt = 21;
const firstTimestampAt = 27;
const maxTimestampAt = 35;
const producerIdAt = 43;
const countAt = 57;
const recordsFrom = 61;

const compressionMask = 0x07;
const logAppendTime = 0x08;
const transactional = 0x10;
const control = 0x20;

/** From there to the end of the batch. null: the other reader has to read it. @throws RangeError for a batch that is broken */
export function recordsAt(place: Place): FetchedRecord[] | null {
  const { buffer, offset: start } = place;
  if (buffer.length < start + recordsFrom) return null;
  const end = start + offsetAndLengthBytes + buffer.readInt32BE(start + 8);
  const attributes = buffer.readInt16BE(start + attributesAt);
  if (buffer.length < end || (attributes & compressionMask) !== 0) return null;
  const firstOffset = Number(buffer.readBigInt64BE(start));
  const firstTimestamp = Number(buffer.readBigInt64BE(start + firstTimestampAt));
  const takenAt = (attributes & logAppendTime) === 0 ? null : Number(buffer.readBigInt64BE(start + maxTimestampAt));
  const isControlRecord = (attributes & control) !== 0;
  const batchContext = {
    producerId: String(buffer.readBigInt64BE(start + producerIdAt)),
    inTransaction: (attributes & transactional) !== 0,
  };
  const records: FetchedRecord[] = [];
  const reader = new FieldReader(buffer, start + recordsFrom, end);
  for (let left = buffer.readInt32BE(start + countAt); left > 0; left--) {
    const next = reader.varint() + reader.at;
    reader.at += 1;
    const timestampMs = firstTimestamp + reader.varint();
    records.push({
      partition: -1,
      offset: firstOffset + reader.varint(),
      timestampMs: takenAt ?? timestampMs,
      key: reader.text() ?? '',
      value: reader.bytes(),
      headers: reader.headers(),
      isControlRecord,
      batchContext,
    });
    reader.at = next;
  }
  place.offset = end;
  return records;
}

const nothing = Buffer.alloc(0);

type KnownText = { readonly bytes: Buffer; readonly text: string };

/** Reads the fields of records one after the other. @throws RangeError for what reaches over the end */
class FieldReader {
  at: number;
  private readonly buffer: Buffer;
  private readonly end: number;
  /** Of the headers of the record before, names and values in turn: most of them are the same again. */
  private readonly texts: KnownText[] = [];

  constructor(buffer: Buffer, at: number, end: number) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  /** Zigzag, seven bits to a byte, exact up to 2^53. */
  varint(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      if (this.at >= this.end) throw new RangeError('a record reaches over the end of its batch');
      const byte = this.buffer[this.at++] as number;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) break;
      unit *= 0x80;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A record without a value (a tombstone of somebody else) has empty bytes, for the decoder to refuse. */
  bytes(): Buffer {
    const length = this.length();
    return length < 0 ? nothing : this.buffer.subarray(this.at - length, this.at);
  }

  /** null where there is none. */
  text(): string | null {
    const length = this.length();
    return length < 0 ? null : this.buffer.toString('utf8', this.at - length, this.at);
  }

  /** Of a header that is there several times, the first. */
  headers(): Record<string, string> {
    const headers: Record<string, string> = {};
    const count = this.varint();
    for (let place = 0; place < 2 * count; place += 2) {
      const name = this.textAgain(place) ?? '';
      const value = this.textAgain(place + 1);
      if (value !== null && !Object.hasOwn(headers, name)) headers[name] = value;
    }
    return headers;
  }

  private textAgain(place: number): string | null {
    const length = this.length();
    if (length < 0) return null;
    const from = this.at - length;
    const known = this.texts[place];
    if (known !== undefined && this.isAt(known.bytes, from, length)) return known.text;
    const bytes = this.buffer.subarray(from, this.at);
    const text = bytes.toString();
    this.texts[place] = { bytes, text };
    return text;
  }

  private isAt(bytes: Buffer, from: number, length: number): boolean {
    if (bytes.length !== length) return false;
    for (let n = 0; n < length; n++) if (bytes[n] !== this.buffer[from + n]) return false;
    return true;
  }

  /** Of the field that begins here; stands behind it then. */
  private length(): number {
    const length = this.varint();
    if (length <= 0) return length;
    this.at += length;
    if (this.at > this.end) throw new RangeError('a record reaches over the end of its batch');
    return length;
  }
}
