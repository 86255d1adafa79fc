/**
 * Rows in the binary COPY format (PostgreSQL manual, COPY, "Binary Format"), framed as CopyData messages of the protocol.
 *
 * A piece is one message: 'd', its length, then whole rows; the signature goes before the first row and the trailer after
 * the last. A row that alone is larger than a piece gets a piece of its own. The piece is reused: it is valid until the
 * next call, which `copyIn` makes only when the socket has let go of it.
 */
import type { Rows } from '../rows.ts';
import type { CopySource } from './copy-in.ts';

/** In the order of `sample`: the widest first, so that no byte of a row on the disk is padding. */
export const sampleColumns = 'time, value, batch, series_id, quality, text';

const pieceBytes = 256 * 1024;
const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const messageHead = 5;
const trailerBytes = 2;
/** Field count, five fields of fixed size with their lengths, and the length of the text. */
const rowBytes = 2 + 3 * (4 + 8) + (4 + 4) + (4 + 2) + 4;
/** Of 2000-01-01, where PostgreSQL's timestamps begin. */
const epochMicros = 946_684_800_000_000;
const two32 = 2 ** 32;

/** The rows `order[from]` … `order[to − 1]`. */
export function encodeRows(rows: Rows, order: Uint32Array, from: number, to: number): CopySource {
  let piece = Buffer.allocUnsafe(pieceBytes);
  let view = viewOf(piece);
  let next = from;
  let done = false;
  return () => {
    if (done) return null;
    let at = messageHead;
    if (next === from) at += signature.copy(piece, at);
    while (next < to) {
      const row = order[next] as number;
      const text = rows.text.get(row);
      const size = rowBytes + (text === undefined ? 0 : Buffer.byteLength(text));
      if (at + size + trailerBytes > piece.length) {
        if (at > messageHead + signature.length) break;
        const larger = Buffer.allocUnsafe(at + size + trailerBytes);
        piece.copy(larger, 0, 0, at);
        piece = larger;
        view = viewOf(piece);
      }
      at = writeRow(piece, view, at, rows, row, text);
      next += 1;
    }
    if (next === to) {
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

function writeRow(
  piece: Buffer,
  view: DataView,
  start: number,
  rows: Rows,
  row: number,
  text: string | undefined,
): number {
  const micros = (rows.time[row] as number) - epochMicros;
  const high = Math.floor(micros / two32);
  const value = rows.value[row] as number;
  const source = rows.sources[rows.sourceIndex[row] as number];
  if (source === undefined) throw new RangeError(`row ${row} has no source`);
  let at = start;
  view.setInt16(at, 6);
  view.setInt32(at + 2, 8);
  view.setInt32(at + 6, high);
  view.setInt32(at + 10, micros - high * two32);
  at += 14;
  if (!Number.isNaN(value)) {
    view.setInt32(at, 8);
    view.setFloat64(at + 4, value);
    at += 12;
  } else {
    view.setInt32(at, -1);
    at += 4;
  }
  view.setInt32(at, 8);
  view.setInt32(at + 4, source.streamNo);
  view.setInt32(at + 8, source.seq);
  view.setInt32(at + 12, 4);
  view.setInt32(at + 16, rows.seriesIds[rows.slot[row] as number] as number);
  view.setInt32(at + 20, 2);
  view.setInt16(at + 24, rows.quality[row] as number);
  at += 26;
  if (text === undefined) {
    view.setInt32(at, -1);
    return at + 4;
  }
  const length = piece.write(text, at + 4);
  view.setInt32(at, length);
  return at + 4 + length;
}
