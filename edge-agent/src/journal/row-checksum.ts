import { crc32 } from 'node:zlib';

export type ChecksummedRow = {
  readonly seq: number;
  readonly samplesThrough: number;
  readonly encodedAt: number;
  /** As it is stored: JSON, or null. */
  readonly declared: string | null;
  readonly bytes: Buffer;
};

/** CRC-32 over all that a row says, and the stream that it belongs to: SQLite itself does not notice a flipped byte in a blob. */
export const rowChecksum = (stream: string, row: ChecksummedRow): number =>
  crc32(row.bytes, crc32(`${stream} ${row.seq} ${row.samplesThrough} ${row.encodedAt} ${row.declared ?? ''}`));

/** Of what a segment says of its stream. */
export const headChecksum = (stream: string, gateway: string, openedAt: number, isVolatile: boolean): number =>
  crc32(`${stream} ${gateway} ${openedAt} ${isVolatile ? 1 : 0}`);

/** Of the last samples of series, as they were before batch `next`. */
export const lastSamplesChecksum = (stream: string, { next, bytes }: { next: number; bytes: Buffer }): number =>
  crc32(bytes, crc32(`${stream} ${next}`));
