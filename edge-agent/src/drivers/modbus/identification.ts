/** Read Device Identification (Application Protocol v1.1b3, 6.21). Pure. */
import { isUtf8 } from 'node:buffer';

export const identificationCode = 0x2b;
export const deviceIdType = 0x0e;
const headBytes = 7;

/** What may be asked for; each holds the one before, and a device answers with as much as it has. */
export const identificationCategories = { basic: 1, regular: 2, extended: 3 } as const;
export type IdentificationCategory = keyof typeof identificationCategories;

/** Objects with names of their own; from 0x80 on they are the maker's. */
const objectNames = [
  'vendor name',
  'product code',
  'revision',
  'vendor URL',
  'product name',
  'model name',
  'application name',
];
export const objectName = (id: number): string =>
  objectNames[id] ?? `object 0x${id.toString(16).toUpperCase().padStart(2, '0')}`;

export type Identification = {
  /** By object id. */
  readonly objects: ReadonlyMap<number, string>;
  /** The object to go on with; null: that was all. */
  readonly next: number | null;
};

/** `pdu`: function code, 14, read code, conformity, more follows, next object, number of objects, objects. */
export function parseIdentification(pdu: Buffer): Identification | null {
  if (pdu.length < headBytes || pdu[0] !== identificationCode || pdu[1] !== deviceIdType) return null;
  const objects = new Map<number, string>();
  let at = headBytes;
  // Some state the number of all objects where only a part of them follows: what is there counts.
  while (at + 2 <= pdu.length && objects.size < pdu.readUInt8(6)) {
    const [id, length] = [pdu.readUInt8(at), pdu.readUInt8(at + 1)];
    if (at + 2 + length > pdu.length) return null;
    objects.set(id, textOf(pdu.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  return { objects, next: pdu[4] === 0xff ? pdu.readUInt8(5) : null };
}

/** What a terminal could take for a command, or for another direction of writing, is left out. */
const textOf = (bytes: Buffer): string =>
  (isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1')).replace(/[\p{Cc}\p{Cf}]/gu, '').trim();
