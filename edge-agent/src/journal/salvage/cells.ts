/**
 * Rows in the leaf pages of a table (SQLite's file format, chapters 1.6 and 2.1). Nothing here is trusted: a number that
 * cannot be right ends the cell, and whether a row is what was once written is proven by its checksum elsewhere.
 */
import { maxBatchBytes } from '@fieldline/shared/contracts';

const leafOfTable = 0x0d;
const fewestCellBytes = 4;
/** A batch, what it declares and the header of its row. */
const maxPayloadBytes = maxBatchBytes * 4;

export type Cell = { readonly rowId: number; readonly payloadBytes: number; readonly at: number };
export type Column = number | string | Buffer | null;

/** Where the cells of a page begin; none where it is no leaf of a table, or has more than it has room for: garbage takes no time. */
export function cellOffsets(page: Buffer, isFirst: boolean): number[] {
  const header = isFirst ? 100 : 0;
  if (page[header] !== leafOfTable) return [];
  const count = page.readUInt16BE(header + 3);
  const first = header + 8;
  if (first + count * (2 + fewestCellBytes) > page.length) return [];
  return Array.from({ length: count }, (_, index) => page.readUInt16BE(first + index * 2));
}

/** null where there can be no cell. */
export function cellAt(page: Buffer, offset: number): Cell | null {
  const payload = varint(page, offset);
  const rowId = payload === null ? null : varint(page, payload.end);
  if (payload === null || rowId === null || payload.value > maxPayloadBytes) return null;
  return { rowId: rowId.value, payloadBytes: payload.value, at: rowId.end };
}

/** The payload of a cell, gathered from its page and those that it flows over into: a copy. null where a page is missing. */
export function payloadOf(page: Buffer, cell: Cell, numbered: (page: number) => Buffer | null): Buffer | null {
  const { payloadBytes, at } = cell;
  const local = localBytes(payloadBytes, page.length);
  const end = at + local;
  if (end + (local < payloadBytes ? 4 : 0) > page.length) return null;
  let next = local < payloadBytes ? page.readUInt32BE(end) : 0;
  const first = Buffer.from(page.subarray(at, end));
  if (local < payloadBytes && numbered(next) === null) return null;
  const payload = Buffer.alloc(payloadBytes);
  let filled = first.copy(payload);
  while (filled < payloadBytes) {
    const overflow = next === 0 ? null : numbered(next);
    if (overflow === null) return null;
    filled += overflow.copy(payload, filled, 4);
    next = overflow.readUInt32BE(0);
  }
  return payload;
}

/** null where it is no record. */
export function columnsOf(payload: Buffer): Column[] | null {
  const header = varint(payload, 0);
  if (header === null || header.value > payload.length) return null;
  const columns: Column[] = [];
  let type = header.end;
  let at = header.value;
  while (type < header.value) {
    const serial = varint(payload, type);
    if (serial === null) return null;
    const bytes = sizeOf(serial.value);
    if (bytes === null || at + bytes > payload.length) return null;
    columns.push(columnOf(serial.value, payload.subarray(at, at + bytes)));
    type = serial.end;
    at += bytes;
  }
  return columns;
}

/** How much of a payload stands in the leaf itself. */
function localBytes(payload: number, usable: number): number {
  const most = usable - 35;
  if (payload <= most) return payload;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const fitting = least + ((payload - least) % (usable - 4));
  return fitting <= most ? fitting : least;
}

const integerBytes = [0, 1, 2, 3, 4, 6, 8] as const;

/** null for a type that our rows do not have. */
function sizeOf(serial: number): number | null {
  if (serial >= 12) return (serial - (serial % 2) - 12) / 2;
  if (serial === 8 || serial === 9) return 0;
  return integerBytes[serial] ?? null;
}

function columnOf(serial: number, bytes: Buffer): Column {
  if (serial === 0) return null;
  if (serial === 8 || serial === 9) return serial - 8;
  if (serial === 6) return Number(bytes.readBigInt64BE(0));
  if (serial < 7) return bytes.readIntBE(0, bytes.length);
  return serial % 2 === 0 ? bytes : bytes.toString('utf8');
}

/** At most 8 of its 9 bytes: all that a safe integer takes. */
function varint(bytes: Buffer, offset: number): { value: number; end: number } | null {
  let value = 0;
  for (let at = offset; at < offset + 8; at++) {
    const byte = bytes[at];
    if (byte === undefined) return null;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return Number.isSafeInteger(value) ? { value, end: at + 1 } : null;
  }
  return null;
}
