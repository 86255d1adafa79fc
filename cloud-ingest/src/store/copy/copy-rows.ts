/**
 * The binary COPY format (PostgreSQL manual, COPY, "Binary Format"), framed as CopyData messages of the protocol.
 *
 * A piece is one message: 'd', its length, then whole rows; the signature goes before the first row and the trailer after
 * the last. A row that alone is larger than a piece gets a piece of its own. The piece is reused: it is valid until the
 * next call, which `copyIn` makes only when the socket has let go of it.
 */
import type { CopySource } from './copy-in.ts';

export type RowEncoder = {
  /** At least as many as `write` writes. */
  readonly bytesOf: (row: number) => number;
  /** Field count and fields, from `at` on; returns where they end. `view` is of the piece. */
  readonly write: (view: DataView, at: number, row: number, piece: Buffer) => number;
};

const pieceBytes = 256 * 1024;
const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const messageHead = 5;
const trailerBytes = 2;
/** Of 2000-01-01, where PostgreSQL's timestamps begin, µs since 1970. */
const epochMicros = 946_684_800_000_000;
const two32 = 2 ** 32;

/** Rows 0 … `count` − 1. */
export function copyRows(count: number, { bytesOf, write }: RowEncoder): CopySource {
  let piece = Buffer.allocUnsafe(pieceBytes);
  let view = viewOf(piece);
  let next = 0;
  let done = false;
  return () => {
    if (done) return null;
    let at = messageHead;
    if (next === 0) at += signature.copy(piece, at);
    while (next < count) {
      const room = at + bytesOf(next) + trailerBytes;
      if (room > piece.length) {
        if (at > messageHead + signature.length) break;
        const larger = Buffer.allocUnsafe(room);
        piece.copy(larger, 0, 0, at);
        piece = larger;
        view = viewOf(piece);
      }
      at = write(view, at, next, piece);
      next += 1;
    }
    if (next === count) {
      view.setInt16(at, -1);
      at += trailerBytes;
      done = true;
    }
    piece[0] = 0x64;
    view.setInt32(1, at - 1);
    return piece.subarray(0, at);
  };
}

const viewOf = (buffer: Buffer): DataView => new DataView(buffer.buffer, buffer.byteOffset, buffer.length);

/** A field with its length: 6 bytes. */
export function writeInt2(view: DataView, at: number, value: number): number {
  view.setInt32(at, 2);
  view.setInt16(at + 4, value);
  return at + 6;
}

/** 8 bytes. */
export function writeInt4(view: DataView, at: number, value: number): number {
  view.setInt32(at, 4);
  view.setInt32(at + 4, value);
  return at + 8;
}

/** A safe integer: 12 bytes. */
export function writeInt8(view: DataView, at: number, value: number): number {
  const high = Math.floor(value / two32);
  return writeHalves(view, at, high, value - high * two32);
}

/** An int8 of two int4: 12 bytes. */
export function writeHalves(view: DataView, at: number, high: number, low: number): number {
  view.setInt32(at, 8);
  view.setInt32(at + 4, high);
  view.setInt32(at + 8, low);
  return at + 12;
}

/** A timestamptz of µs since 1970: 12 bytes. */
export const writeInstant = (view: DataView, at: number, micros: number): number =>
  writeInt8(view, at, micros - epochMicros);

/** 12 bytes. */
export function writeFloat8(view: DataView, at: number, value: number): number {
  view.setInt32(at, 8);
  view.setFloat64(at + 4, value);
  return at + 12;
}

/** 4 bytes and those of the text. */
export function writeText(view: DataView, at: number, text: string, piece: Buffer): number {
  const bytes = piece.write(text, at + 4);
  view.setInt32(at, bytes);
  return at + 4 + bytes;
}

/** 4 bytes. */
export function writeNull(view: DataView, at: number): number {
  view.setInt32(at, -1);
  return at + 4;
}
