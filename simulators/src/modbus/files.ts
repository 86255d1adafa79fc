/** The files of a unit, read by function 20 (Application Protocol v1.1b3, 6.14): several stretches of records in one answer. */
import { mostFileBytes, placeBytes, recordAt, recordHeadBytes, recordPosition } from '@fieldline/shared/config';
import type { RegisterPoint } from '../points.ts';
import { exceptions } from './exceptions.ts';
import { createRegisterTable, type PointValue, type RegisterTable } from './registers.ts';

/** By number: its records are a table of registers. */
export type Files = ReadonlyMap<number, RegisterTable>;

export function createFiles(points: readonly RegisterPoint[]): Files {
  const byFile = Map.groupBy(points, ({ first }) => recordAt(first).file);
  return new Map([...byFile].map(([file, own]) => [file, createRegisterTable(own)]));
}

type Stretch = { readonly table: RegisterTable; readonly first: number; readonly count: number };
type Answer = { readonly pdu: Buffer; readonly served: readonly PointValue[] };

const headBytes = 2;
const referenceType = 6;

/** Or the code of an exception. */
export function readFileRecords(files: Files, request: Buffer, timeMs: number, wanted: boolean): Answer | number {
  const bytes = request[1] ?? 0;
  const isSized = request.length === headBytes + bytes && bytes > 0 && bytes <= mostFileBytes;
  if (!isSized || bytes % placeBytes !== 0) return exceptions.illegalDataValue;
  const stretches: Stretch[] = [];
  for (let at = headBytes; at < request.length; at += placeBytes) {
    const stretch = stretchOf(files, request.subarray(at, at + placeBytes));
    if (stretch === null) return exceptions.illegalDataAddress;
    stretches.push(stretch);
  }
  const answerBytes = stretches.reduce((sum, { count }) => sum + recordHeadBytes + count * 2, 0);
  if (answerBytes > mostFileBytes) return exceptions.illegalDataValue;
  return answerOf(stretches, answerBytes, timeMs, wanted);
}

/** null where there is no such stretch. */
function stretchOf(files: Files, place: Buffer): Stretch | null {
  const [file, record, count] = [place.readUInt16BE(1), place.readUInt16BE(3), place.readUInt16BE(5)];
  const table = files.get(file);
  const first = recordPosition(file, record);
  const isThere = place[0] === referenceType && count > 0 && table?.covers(first, count) === true;
  return isThere && table !== undefined ? { table, first, count } : null;
}

function answerOf(stretches: readonly Stretch[], bytes: number, timeMs: number, wanted: boolean): Answer {
  const pdu = Buffer.alloc(headBytes + bytes);
  pdu.set([20, bytes]);
  const served: PointValue[] = [];
  let at = headBytes;
  for (const { table, first, count } of stretches) {
    pdu.set([1 + count * 2, referenceType], at);
    served.push(...table.read({ first, count }, pdu, at + recordHeadBytes, timeMs, wanted));
    at += recordHeadBytes + count * 2;
  }
  return { pdu, served };
}
