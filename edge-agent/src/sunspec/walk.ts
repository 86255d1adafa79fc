/**
 * A SunSpec map begins with the letters "SunS" at one of three places; then comes one model after another, each with its id
 * and its length, until one with the id 0xFFFF.
 */
import { FieldlineError } from '@fieldline/shared/contracts';

/** null: the device refuses these addresses. @throws FieldlineError device/… where it does not answer */
export type ReadRegisters = (first: number, count: number) => Promise<readonly number[] | null>;

/** `first`: of the register with its id. `length`: of what follows the two registers of its head. */
export type FoundModel = { readonly id: number; readonly first: number; readonly length: number };
export type Walk = { readonly base: number; readonly models: readonly FoundModel[] };

const bases = [40_000, 50_000, 0];
const letters = [0x5375, 0x6e53];
const end = 0xffff;
/** More than any device has; a map that goes on is none. */
const maxModels = 100;
const headLength = 2;
const registers = 65_536;

/** @throws FieldlineError device/reply where there is no map, or it has no end */
export async function walk(read: ReadRegisters): Promise<Walk> {
  const base = await findBase(read);
  const models: FoundModel[] = [];
  for (let first = base + letters.length; ; ) {
    const [id, length] = (await read(first, headLength)) ?? [];
    if (id === end) return { base, models };
    if (id === undefined || length === undefined || models.length === maxModels) {
      throw new FieldlineError('device/reply', `the list of its models breaks off at register ${first}`);
    }
    const next = first + headLength + length;
    if (next + headLength > registers) {
      throw new FieldlineError('device/reply', `model ${id} at register ${first} says that it is ${length} long`);
    }
    models.push({ id, first, length });
    first = next;
  }
}

async function findBase(read: ReadRegisters): Promise<number> {
  for (const base of bases) {
    const found = await read(base, letters.length);
    if (found !== null && letters.every((letter, index) => found[index] === letter)) return base;
  }
  throw new FieldlineError(
    'device/reply',
    `no SunSpec map: "SunS" stands at none of the registers ${bases.join(', ')}. Is SunSpec switched on in the device, and is it this unit?`,
  );
}

/** Most registers of one request: many devices take no more. */
const chunk = 100;

/** All of them, or null where the device refuses a part. */
export async function readAll(read: ReadRegisters, first: number, count: number): Promise<readonly number[] | null> {
  const words: number[] = [];
  for (let from = 0; from < count; from += chunk) {
    const part = await read(first + from, Math.min(chunk, count - from));
    if (part === null) return null;
    words.push(...part);
  }
  return words;
}
