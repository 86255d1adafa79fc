/**
 * Records of files (Application Protocol v1.1b3, 6.14): a device has files 1–65535, a file has records 0–9999, a record is a
 * register. Where one stands among all is said by one number, as if the files stood end to end.
 */
import { z } from 'zod';

export const recordsPerFile = 10_000;
export const mostFiles = 65_535;

/** Bytes of a request, and of an answer, behind the byte that counts them. */
export const mostFileBytes = 0xf5;
/** Reference type, file, record, how many. */
export const placeBytes = 7;
/** Length and reference type before the records of an answer. */
export const recordHeadBytes = 2;
/** One place with as many records as an answer holds. */
export const mostRecords = Math.floor((mostFileBytes - recordHeadBytes) / 2);
export const mostSubRequests = Math.floor(mostFileBytes / placeBytes);

export const recordPosition = (file: number, record: number): number => file * recordsPerFile + record;
export const recordAt = (position: number): { readonly file: number; readonly record: number } => ({
  file: Math.floor(position / recordsPerFile),
  record: position % recordsPerFile,
});

export const filePlaceShape = {
  file: z
    .int()
    .min(1)
    .max(mostFiles)
    .optional()
    .describe('in place of address, for a value in a file of the device (function 20): the number of the file'),
  record: z
    .int()
    .min(0)
    .max(recordsPerFile - 1)
    .optional()
    .describe('number of its first record in the file, from 0 whatever addressBase says; a record is one register'),
};

type StatedPlace = {
  readonly table?: string | undefined;
  readonly address?: number | undefined;
  readonly file?: number | undefined;
  readonly record?: number | undefined;
};

/** What is wrong about the keys that say where a value stands: by an address, or by file and record. */
export function placeKeyProblems({ table, address, file, record }: StatedPlace): [key: string, message: string][] {
  const isInFile = file !== undefined || record !== undefined || table === 'file';
  if (!isInFile) {
    return address === undefined ? [['address', 'state it, or file and record']] : [];
  }
  if (file === undefined) return [['file', 'state the number of the file in which the record stands']];
  if (record === undefined) return [['record', 'state the number of the first record in the file, from 0']];
  if (address !== undefined) return [['address', 'does not go with file and record: leave it out']];
  if (table !== undefined && table !== 'file') return [['table', 'does not go with file and record: leave it out']];
  return [];
}
