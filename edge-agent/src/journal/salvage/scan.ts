import type { Micros } from '@fieldline/shared/contracts';
import type { SegmentName } from '../segment-name.ts';
import { type Cell, cellAt, cellOffsets, columnsOf, payloadOf } from './cells.ts';
import type { PagePlace, Pages } from './pages.ts';
import { type FoundRow, isProvenNote, isProvenRow, rowOf } from './proof.ts';

export type RowPlace = {
  readonly page: PagePlace;
  readonly cell: number;
  readonly samplesThrough: number;
  readonly encodedAt: Micros;
  readonly declares: boolean;
};
export type Proven = { readonly rows: ReadonlyMap<number, RowPlace>; readonly note: string | null };

/** Looks at every page that may hold rows, newest images first, for batches of this segment and for its note. */
export function provenIn(pages: Pages, { stream, first }: SegmentName): Proven {
  const [rows, withoutChecksum] = [new Map<number, RowPlace>(), new Map<number, RowPlace>()];
  const [notes, own] = [new Map<number | null, string>(), new Set<number | null>([null])];
  for (const place of pages.places()) {
    for (const { offset, cell } of cellsOf(pages, place)) {
      const isNew = cell.rowId >= first && !rows.has(cell.rowId) && !withoutChecksum.has(cell.rowId);
      const mayBeNote = cell.rowId === 1 && !notes.has(place.round);
      const payload = isNew || mayBeNote ? payloadAt(pages, place, cell) : null;
      if (payload === null) continue;
      const note = mayBeNote ? noteIn(payload) : null;
      if (note !== null) notes.set(place.round, note);
      const row = isNew ? rowOf(cell.rowId, payload) : null;
      if (row === null || (row.checksum === null && rows.size > 0) || !isProvenRow(stream, row)) continue;
      (row.checksum === null ? withoutChecksum : rows).set(row.seq, placed(row, place, offset));
      own.add(place.round);
    }
  }
  // All rows of a file are of one format: one without a checksum beside others that have it has lost it.
  return { rows: rows.size > 0 ? rows : withoutChecksum, note: newestOf(notes, pages.isLogOwn ? null : own) };
}

const placed = ({ samplesThrough, encodedAt, declared }: FoundRow, page: PagePlace, cell: number): RowPlace => ({
  page,
  cell,
  samplesThrough,
  encodedAt,
  declares: declared !== null,
});

/** Of a round that has no batch of this segment the note may be another segment's: older, it speaks of files that went since. */
function newestOf(notes: ReadonlyMap<number | null, string>, own: ReadonlySet<number | null> | null): string | null {
  for (const [round, note] of notes) if (own === null || own.has(round)) return note;
  return null;
}

/** null where there is no row of a batch. */
export function rowAt(pages: Pages, place: PagePlace, offset: number): FoundRow | null {
  const page = pages.at(place);
  const cell = page === null ? null : cellAt(page, offset);
  const payload = cell === null ? null : payloadAt(pages, place, cell);
  return cell === null || payload === null ? null : rowOf(cell.rowId, payload);
}

function cellsOf(pages: Pages, place: PagePlace): { readonly offset: number; readonly cell: Cell }[] {
  const page = pages.at(place);
  if (page === null) return [];
  return cellOffsets(page, pages.isFirst(place)).flatMap((offset) => {
    const cell = cellAt(page, offset);
    return cell === null ? [] : [{ offset, cell }];
  });
}

function payloadAt(pages: Pages, place: PagePlace, cell: Cell): Buffer | null {
  const page = pages.at(place);
  return page === null ? null : payloadOf(page, cell, (number) => pages.numbered(number, place));
}

function noteIn(payload: Buffer): string | null {
  const columns = columnsOf(payload);
  const text = columns?.length === 2 ? columns[1] : null;
  return typeof text === 'string' && isProvenNote(text) ? text : null;
}
