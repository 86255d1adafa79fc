/** Rows of `sample` for a COPY. */
import type { Rows } from '../rows.ts';
import type { CopySource } from './copy-in.ts';
import {
  copyRows,
  writeFloat8,
  writeHalves,
  writeInstant,
  writeInt2,
  writeInt4,
  writeNull,
  writeText,
} from './copy-rows.ts';

/** In the order of `sample`: the widest first, so that no byte of a row on the disk is padding. */
export const sampleColumns = 'time, value, batch, series_id, quality, text';

/** Field count, three fields of 8 bytes, one of 4 and one of 2 with their lengths, and the length of the text. */
const rowBytes = 2 + 3 * (4 + 8) + (4 + 4) + (4 + 2) + 4;

/** The rows `order[from]` … `order[to − 1]`. */
export function encodeRows(rows: Rows, order: Uint32Array, from: number, to: number): CopySource {
  const rowAt = (n: number): number => order[from + n] as number;
  return copyRows(to - from, {
    bytesOf: (n) => {
      const text = rows.text.get(rowAt(n));
      return rowBytes + (text === undefined ? 0 : Buffer.byteLength(text));
    },
    write: (view, start, n, piece) => {
      const row = rowAt(n);
      const value = rows.value[row] as number;
      const source = rows.sources[rows.sourceIndex[row] as number];
      if (source === undefined) throw new RangeError(`row ${row} has no source`);
      const text = rows.text.get(row);
      view.setInt16(start, 6);
      let at = writeInstant(view, start + 2, rows.time[row] as number);
      at = Number.isNaN(value) ? writeNull(view, at) : writeFloat8(view, at, value);
      at = writeHalves(view, at, source.streamNo, source.seq);
      at = writeInt4(view, at, rows.seriesIds[rows.slot[row] as number] as number);
      at = writeInt2(view, at, rows.quality[row] as number);
      return text === undefined ? writeNull(view, at) : writeText(view, at, text, piece);
    },
  });
}
