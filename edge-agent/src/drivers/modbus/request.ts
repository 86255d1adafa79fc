/** What a unit is asked for, and how many bytes that takes on the wire. */
import { type AddressedTable, isBitTable, type ModbusTable } from '@fieldline/shared/config/modbus';
import type { Block, Span } from './blocks.ts';
import { fileFrameBytes } from './file-records.ts';
import type { IdentificationCategory } from './identification.ts';
import { type WriteRequest, writeFrameBytes } from './write-request.ts';

export type ReadRequest = {
  readonly unit: number;
  readonly table: AddressedTable;
  readonly first: number;
  readonly count: number;
  /** For the device to think; the time on the wire of a serial line is added. */
  readonly timeoutMs: number;
};

export type IdentificationRequest = {
  readonly unit: number;
  readonly category: IdentificationCategory;
  readonly firstObject: number;
  readonly timeoutMs: number;
};

/** Records of files: of each stretch, where it begins among those of all files. */
export type FileRequest = {
  readonly unit: number;
  readonly stretches: readonly Span[];
  readonly timeoutMs: number;
};

export type ModbusRequest = ReadRequest | FileRequest | WriteRequest;

/** Whom to ask for what kind of thing. */
export type Whom = { readonly unit: number; readonly table: ModbusTable; readonly timeoutMs: number };

export function readRequestOf({ unit, table, timeoutMs }: Whom, block: Block<Span>): ReadRequest | FileRequest {
  const { first, count, stretches } = block;
  return table === 'file' ? { unit, stretches, timeoutMs } : { unit, table, first, count, timeoutMs };
}

/** Unit id, function code, address, count, checksum; unit id, function code, byte count, checksum. */
export const registerFrameBytes = 8 + 5;
/** Of request and reply together, with unit id, function code and checksum. */
export function frameBytesOf(request: ModbusRequest): number {
  if ('write' in request) return writeFrameBytes(request);
  return 'stretches' in request ? fileFrameBytes(request.stretches) : registerFrameBytes + dataBytes(request);
}

export const dataBytes = ({ table, count }: ReadRequest): number =>
  isBitTable(table) ? Math.ceil(count / 8) : count * 2;
