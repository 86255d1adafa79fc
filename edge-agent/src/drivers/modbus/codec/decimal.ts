/** Numbers that meters keep in decimal, four digits per register, the highest first. What is none of their code is no number. */
import { type NoValue, outOfCode, type Read } from './read.ts';

/** Of one register; NaN where that is out of the code. */
type ReadLimb = Read<number>;

const limit = 10_000;
/** Two registers are a whole number of at most 8 digits, which a number holds exactly; 16 digits are beyond 2^53. */
const upperWeight = 100_000_000n;

export const readBcd = (registers: number): Read<number | bigint | NoValue> => readLimbs(registers, bcdLimb);

/** Signed ones have their sign in every register that is not 0 (Schneider PowerLogic, FA212766). */
export const readMod10000 = (registers: number, isSigned: boolean): Read<number | bigint | NoValue> =>
  readLimbs(registers, isSigned ? signedLimb : unsignedLimb);

function readLimbs(registers: number, limb: ReadLimb): Read<number | bigint | NoValue> {
  if (registers <= 2) {
    return (bytes, at) => {
      const value = sumOf(bytes, at, registers, limb);
      return Number.isNaN(value) ? outOfCode : value;
    };
  }
  const upperRegisters = registers - 2;
  return (bytes, at) => {
    const upper = sumOf(bytes, at, upperRegisters, limb);
    const lower = sumOf(bytes, at + 2 * upperRegisters, 2, limb);
    if (Number.isNaN(upper) || Number.isNaN(lower) || upper * lower < 0) return outOfCode;
    return BigInt(upper) * upperWeight + BigInt(lower);
  };
}

function sumOf(bytes: Buffer, at: number, registers: number, limb: ReadLimb): number {
  let sum = 0;
  for (let end = at + 2 * registers, from = at; from < end; from += 2) {
    const next = limb(bytes, from);
    if (sum * next < 0) return Number.NaN;
    sum = sum * limit + next;
  }
  return sum;
}

const bcdLimb: ReadLimb = (bytes, at) => twoDigits(bytes.readUInt8(at)) * 100 + twoDigits(bytes.readUInt8(at + 1));

const unsignedLimb: ReadLimb = (bytes, at) => within(bytes.readUInt16BE(at));

const signedLimb: ReadLimb = (bytes, at) => within(bytes.readInt16BE(at));

const within = (value: number): number => (value > -limit && value < limit ? value : Number.NaN);

/** Of one byte; NaN where a half of it is no digit. */
export function twoDigits(byte: number): number {
  const tens = byte >> 4;
  const ones = byte & 15;
  return tens > 9 || ones > 9 ? Number.NaN : tens * 10 + ones;
}
