/**
 * What a Modbus device answers: from request to response PDU, without a wire. Clauses are those of the MODBUS Application
 * Protocol Specification v1.1b3; the order of the checks is that of its state diagrams.
 */
import type { ModbusTable } from '@fieldline/shared/config';
import type { RegisterPoint } from '../points.ts';
import { type BitTable, createBitTable } from './bits.ts';
import { exceptions } from './exceptions.ts';
import { createFiles, type Files, readFileRecords } from './files.ts';
import { createRegisterTable, type PointValue, type Range, type RegisterTable } from './registers.ts';

/** The four tables of one unit, and its files by their numbers. */
export type Image = {
  readonly coil: BitTable;
  readonly discrete: BitTable;
  readonly input: RegisterTable;
  readonly holding: RegisterTable;
  readonly files: Files;
};

export type Answer = { readonly pdu: Buffer; readonly served: readonly PointValue[] };

export function createImage(points: readonly RegisterPoint[]): Image {
  const of = (table: ModbusTable): RegisterPoint[] => points.filter((point) => point.table === table);
  return {
    coil: createBitTable(of('coil')),
    discrete: createBitTable(of('discrete')),
    input: createRegisterTable(of('input')),
    holding: createRegisterTable(of('holding')),
    files: createFiles(of('file')),
  };
}

export function resetImage(image: Image): void {
  for (const table of [image.coil, image.discrete, image.input, image.holding, ...image.files.values()]) table.reset();
}

export const exceptionPdu = (functionCode: number, code: number): Buffer => Buffer.from([functionCode | 0x80, code]);

/** The same image to a device that says yes to what is written and leaves everything as it is. */
export const deaf = (image: Image): Image => ({
  ...image,
  coil: { ...image.coil, write: () => {} },
  holding: { ...image.holding, write: () => {} },
});

export const isWrite = (functionCode: number | undefined): boolean =>
  functionCode !== undefined && [5, 6, 15, 16, 22, 23].includes(functionCode);

/** An answer, or the code of the exception that there is in its place. */
type Outcome = Answer | number;

/** `wanted`: whether to say which values were served. */
export function answer(image: Image, request: Buffer, timeMs: number, wanted: boolean): Answer {
  const outcome = perform(image, request, timeMs, wanted);
  return typeof outcome === 'number' ? { pdu: exceptionPdu(request[0] ?? 0, outcome), served: [] } : outcome;
}

function perform(image: Image, request: Buffer, timeMs: number, wanted: boolean): Outcome {
  switch (request[0]) {
    case 1:
      return readBits(image.coil, request, timeMs, wanted);
    case 2:
      return readBits(image.discrete, request, timeMs, wanted);
    case 3:
      return readWords(image.holding, request, timeMs, wanted);
    case 4:
      return readWords(image.input, request, timeMs, wanted);
    case 5:
      return writeCoil(image.coil, request);
    case 6:
      return writeRegister(image.holding, request);
    case 15:
      return writeCoils(image.coil, request);
    case 16:
      return writeRegistersOf(image.holding, request);
    case 20:
      return readFileRecords(image.files, request, timeMs, wanted);
    case 22:
      return maskRegister(image.holding, request, timeMs);
    case 23:
      return writeAndRead(image.holding, request, timeMs, wanted);
    default:
      return exceptions.illegalFunction;
  }
}

/** Clauses 6.1 and 6.2. */
function readBits(table: BitTable, request: Buffer, timeMs: number, wanted: boolean): Outcome {
  const range = rangeOf(request, 5, 2_000);
  if (range === null) return exceptions.illegalDataValue;
  if (!table.covers(range.first, range.count)) return exceptions.illegalDataAddress;
  const bytes = Math.ceil(range.count / 8);
  const pdu = Buffer.allocUnsafe(2 + bytes);
  pdu[0] = request[0] ?? 0;
  pdu[1] = bytes;
  return { pdu, served: table.read(range, pdu, 2, timeMs, wanted) };
}

/** Clauses 6.3 and 6.4. */
function readWords(table: RegisterTable, request: Buffer, timeMs: number, wanted: boolean): Outcome {
  const range = rangeOf(request, 5, 125);
  if (range === null) return exceptions.illegalDataValue;
  if (!table.covers(range.first, range.count)) return exceptions.illegalDataAddress;
  const pdu = Buffer.allocUnsafe(2 + range.count * 2);
  pdu[0] = request[0] ?? 0;
  pdu[1] = range.count * 2;
  return { pdu, served: table.read(range, pdu, 2, timeMs, wanted) };
}

/** Clause 6.5. */
function writeCoil(table: BitTable, request: Buffer): Outcome {
  if (request.length !== 5) return exceptions.illegalDataValue;
  const first = request.readUInt16BE(1);
  const state = request.readUInt16BE(3);
  if (state !== 0 && state !== 0xff00) return exceptions.illegalDataValue;
  if (!table.covers(first, 1)) return exceptions.illegalDataAddress;
  table.write({ first, count: 1 }, () => state !== 0);
  return echo(request);
}

/** Clause 6.6. */
function writeRegister(table: RegisterTable, request: Buffer): Outcome {
  if (request.length !== 5) return exceptions.illegalDataValue;
  const first = request.readUInt16BE(1);
  if (!table.covers(first, 1)) return exceptions.illegalDataAddress;
  table.write({ first, count: 1 }, request.subarray(3));
  return echo(request);
}

/** Clause 6.11. */
function writeCoils(table: BitTable, request: Buffer): Outcome {
  const bytes = request[5] ?? 0;
  const range = rangeOf(request, 6 + bytes, 1_968);
  if (range === null || bytes !== Math.ceil(range.count / 8)) return exceptions.illegalDataValue;
  if (!table.covers(range.first, range.count)) return exceptions.illegalDataAddress;
  table.write(range, (index) => (((request[6 + (index >> 3)] ?? 0) >> (index & 7)) & 1) === 1);
  return echo(request);
}

/** Clause 6.12. */
function writeRegistersOf(table: RegisterTable, request: Buffer): Outcome {
  const bytes = request[5] ?? 0;
  const range = rangeOf(request, 6 + bytes, 123);
  if (range === null || bytes !== range.count * 2) return exceptions.illegalDataValue;
  if (!table.covers(range.first, range.count)) return exceptions.illegalDataAddress;
  table.write(range, request.subarray(6));
  return echo(request);
}

/** Clause 6.16: (held AND andMask) OR (orMask AND NOT andMask). */
function maskRegister(table: RegisterTable, request: Buffer, timeMs: number): Outcome {
  if (request.length !== 7) return exceptions.illegalDataValue;
  const range = { first: request.readUInt16BE(1), count: 1 };
  if (!table.covers(range.first, 1)) return exceptions.illegalDataAddress;
  const register = Buffer.alloc(2);
  table.read(range, register, 0, timeMs, false);
  const [and, or] = [request.readUInt16BE(3), request.readUInt16BE(5)];
  register.writeUInt16BE((register.readUInt16BE() & and) | (or & ~and & 0xffff));
  table.write(range, register);
  return { pdu: Buffer.from(request), served: [] };
}

/** Clause 6.17: what is written is written before what is read is read. */
function writeAndRead(table: RegisterTable, request: Buffer, timeMs: number, wanted: boolean): Outcome {
  if (request.length < 10) return exceptions.illegalDataValue;
  const [first, count] = [request.readUInt16BE(1), request.readUInt16BE(3)];
  const written = { first: request.readUInt16BE(5), count: request.readUInt16BE(7) };
  const bytes = request[9] ?? 0;
  const isSized = bytes === written.count * 2 && request.length === 10 + bytes;
  if (count < 1 || count > 125 || written.count < 1 || written.count > 121 || !isSized) {
    return exceptions.illegalDataValue;
  }
  if (!table.covers(first, count) || !table.covers(written.first, written.count)) return exceptions.illegalDataAddress;
  table.write(written, request.subarray(10));
  const pdu = Buffer.allocUnsafe(2 + count * 2);
  pdu[0] = request[0] ?? 0;
  pdu[1] = count * 2;
  return { pdu, served: table.read({ first, count }, pdu, 2, timeMs, wanted) };
}

/** Writes are answered by the first five bytes of what was asked. */
const echo = (request: Buffer): Answer => ({ pdu: Buffer.from(request.subarray(0, 5)), served: [] });

/** null where the request has not this length or asks for none or too many. */
function rangeOf(request: Buffer, length: number, most: number): Range | null {
  if (request.length !== length) return null;
  const count = request.readUInt16BE(3);
  return count >= 1 && count <= most ? { first: request.readUInt16BE(1), count } : null;
}
