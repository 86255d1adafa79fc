/** What a unit is asked for, and how many bytes that takes on the wire. */
import { type AddressedTable, type Exchange, isBitTable, type ModbusTable } from '@fieldline/shared/config/modbus';
import type { Block, Span } from './blocks.ts';
import { fileFrameBytes } from './file-records.ts';
import type { IdentificationCategory } from './identification.ts';
import { type WriteRequest, writeFrameBytes } from './write-request.ts';

export type ReadRequest = {
  readonly unit: number;
  readonly table: AddressedTable;
  readonly first: number;
  readonly count: number;
  /** Of holding registers: written first, by the same request. */
  readonly exchange?: Exchange | undefined;
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
export type Whom = {
  readonly unit: number;
  readonly table: ModbusTable;
  readonly timeoutMs: number;
  readonly exchange?: Exchange | undefined;
};

export function readRequestOf(
  { unit, table, timeoutMs, exchange }: Whom,
  block: Block<Span>,
): ReadRequest | FileRequest {
  const { first, count, stretches } = block;
  return table === 'file' ? { unit, stretches, timeoutMs } : { unit, table, first, count, timeoutMs, exchange };
}

/** Unit id, function code, address, count, checksum; unit id, function code, byte count, checksum. */
const registerFrameBytes = 8 + 5;
/** Of request and reply together, with unit id, function code and checksum. */
export function frameBytesOf(request: ModbusRequest): number {
  if ('write' in request) return writeFrameBytes(request);
  if ('stretches' in request) return fileFrameBytes(request.stretches);
  return registerFrameBytes + dataBytes(request) + exchangeBytes(request);
}

export const dataBytes = ({ table, count }: ReadRequest): number =>
  isBitTable(table) ? Math.ceil(count / 8) : count * 2;

/** Address, count and byte count of what is written, and the words. */
const exchangeBytes = ({ exchange }: ReadRequest): number =>
  exchange === undefined ? 0 : 5 + exchange.words.length * 2;

/** Whether it changes something in the device. */
export const writesToo = (request: ModbusRequest): boolean => 'exchange' in request && request.exchange !== undefined;

/** A request for so many registers, and its answer, take a line as long. */
export const asRegisters = (request: ModbusRequest): number => (frameBytesOf(request) - registerFrameBytes) / 2;

/** Asks the same unit for as little as can be, and changes nothing in it. */
export function probeOf(request: ReadRequest | FileRequest): ReadRequest | FileRequest {
  if ('stretches' in request) {
    return { ...request, stretches: request.stretches.slice(0, 1).map(({ first }) => ({ first, count: 1 })) };
  }
  return { ...request, count: 1, exchange: undefined };
}
