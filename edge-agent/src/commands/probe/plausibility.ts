/**
 * How likely it is that registers mean what a reading makes of them: a number of points, more for what seldom comes about by
 * chance. A float of an everyday size is met by one random word in eight, a uint16 by every one; so the float has more. The
 * numbers were chosen so that among neighbours the right reading stands before the wrong ones; they mean nothing by themselves.
 */
import { type ModbusType, patternBits } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import type { Reading } from './readings.ts';

export type Ranked = Reading & { readonly points: number; readonly because: readonly string[] };

/** For what explains more registers at once. */
const perRegister = 3;

/** The two values as numbers. */
type Both = { readonly before: number; readonly after: number };

type Evidence = { readonly points: number; readonly because?: string };

export function rank(reading: Reading, now: Micros): Ranked {
  const further: Evidence = { points: perRegister * (reading.count - 1) };
  const evidence = [...evidenceOf(reading, now), orderOf(reading), further];
  const points = evidence.reduce((sum, each) => sum + each.points, 0);
  return {
    ...reading,
    points: Math.max(0, Math.round(points)),
    because: evidence.flatMap(({ because }) => because ?? []),
  };
}

function evidenceOf(reading: Reading, now: Micros): Evidence[] {
  const { type } = reading.shape;
  if (isSentinel(reading)) return [{ points: 3, because: 'looks like a sign for "no value"' }];
  if (type === 'string') return textEvidence(reading);
  if (type === 'time') return timeEvidence(reading, now);
  const numbers = { before: Number(reading.before), after: Number(reading.after) };
  const base = type.startsWith('float') ? floatBase(type, numbers) : wholeBase(reading, numbers.after);
  if (base.points <= implausible || numbers.after === 0) return [base];
  return [base, familiar(type, numbers.after), movement(reading, numbers)];
}

const implausible = 5;

/** All ones, or the lowest or highest number there is: seldom a value. Floats have NaN for that. */
function isSentinel({ after, shape }: Reading): boolean {
  if (!/^u?int/.test(shape.type)) return false;
  const bits = patternBits(shape);
  const pattern = BigInt.asUintN(bits, BigInt(Number.isInteger(after) || typeof after === 'bigint' ? after : 0));
  const half = 1n << BigInt(bits - 1);
  return [2n * half - 1n, half, half - 1n].includes(pattern);
}

const floatPoints: Readonly<Partial<Record<ModbusType, number>>> = { float16: 14, float32: 62, float64: 60 };
const smallestNormal = 2 ** -126;
const mostDigits = 5;

/** Of the two values that which is less likely. */
function floatBase(type: ModbusType, { before, after }: Both): Evidence {
  const [one, other] = [ofFloat(type, Math.abs(before)), ofFloat(type, Math.abs(after))];
  return one.points < other.points ? one : other;
}

function ofFloat(type: ModbusType, size: number): Evidence {
  if (size === 0) return { points: type === 'float16' ? 5 : 20, because: 'zero' };
  if (size < smallestNormal) return { points: 0, because: 'denormal' };
  const points = floatPoints[type] ?? 0;
  if (size < 1e-6 || size > 1e10) return { points: 2, because: 'of a strange size' };
  return { points: size < 1e-3 || size > 1e8 ? points / 2 : points };
}

/** Types that few devices have. */
const rare: Readonly<Partial<Record<ModbusType, number>>> = { int24: 15, uint24: 15, int48: 15, uint48: 15 };

function wholeBase(reading: Reading, value: number): Evidence {
  const { type } = reading.shape;
  if (type === 'bcd') return { points: value === 0 ? 5 : 20 + 5 * registersInUse(reading) };
  if (type === 'mod10000') return { points: value === 0 ? 5 : 26 + 3 * registersInUse(reading) };
  if (reading.count === 1) {
    return registerBase(value);
  }
  const seldom = rare[type] ?? 0;
  if (value === 0) return { points: 20 - seldom, because: 'zero' };
  return { points: sizePoints(reading.count, value) - seldom };
}

/** Most registers hold small numbers; those of a float or of the low half of a counter hold any. */
function registerBase(value: number): Evidence {
  if (value === 0) return { points: 38, because: 'zero' };
  if (value < 0) return { points: value > -2_000 ? 43 : 26 };
  return { points: value < 10_000 ? 43 : value < 0x8000 ? 38 : 30 };
}

/** The more of its bits are only filled up, the less it is by chance that they are. */
function sizePoints(count: number, value: number): number {
  const digits = Math.log10(Math.abs(value) + 1);
  const [perDigit, easily] = count > 2 ? [1.5, 10] : [2.5, 7];
  return 58 - perDigit * Math.min(digits, easily) - 7 * Math.max(0, digits - easily);
}

/** Those that are zero say nothing of digits. */
const registersInUse = ({ bytes, count }: Reading): number =>
  Array.from({ length: count }, (_, index) => bytes.readUInt16BE(index * 2)).filter((word) => word !== 0).length;

/** What meters of the mains show. */
const mains = [
  { from: 49, to: 51, what: 'a mains frequency' },
  { from: 59, to: 61, what: 'a mains frequency' },
  { from: 110, to: 125, what: 'a mains voltage' },
  { from: 215, to: 245, what: 'a mains voltage' },
  { from: 380, to: 420, what: 'a mains voltage' },
];

function familiar(type: ModbusType, value: number): Evidence {
  if (type.startsWith('float')) {
    const isShort = isShortDecimal(type, value);
    const known = mains.find(({ from, to }) => value >= from && value <= to);
    const because = [known?.what, isShort ? 'few digits' : undefined].filter((word) => word !== undefined).join(', ');
    return { points: (isShort ? 15 : 0) + (known === undefined ? 0 : 12), ...(because === '' ? {} : { because }) };
  }
  const scaled = [10, 100, 1_000]
    .map((scale) => ({ scale, known: mains.find(({ from, to }) => value >= from * scale && value <= to * scale) }))
    .find(({ known }) => known !== undefined);
  if (scaled?.known === undefined || type === 'bcd' || type === 'mod10000') return { points: 0 };
  return { points: 6, because: `× ${1 / scaled.scale} it would be ${scaled.known.what}` };
}

/** Whether it is the float nearest to a number of a few digits, as a person or a small device makes them: one of a hundred is by chance. */
function isShortDecimal(type: ModbusType, value: number): boolean {
  const short = Number(value.toPrecision(mostDigits));
  if (type === 'float64') return short === value;
  return type === 'float32' && Math.fround(short) === value;
}

/** Within a few seconds. */
const mostCounted = 100;

/** Between two moments a counter rises, a measured value moves a little, and a wrong byte order jumps. */
function movement({ shape: { type }, count }: Reading, { before, after }: Both): Evidence {
  const change = after - before;
  if (change === 0) return { points: 0 };
  const isWhole = !type.startsWith('float');
  if (isWhole && count > 1 && before >= 0 && change > 0 && change <= Math.max(mostCounted, before * 1e-6)) {
    return { points: 20, because: 'rises' };
  }
  const share = Math.abs(change) / Math.max(Math.abs(before), Math.abs(after));
  if (share < 0.02) return { points: 4, because: 'moves a little' };
  // A small number may well be another the next time.
  const isJump = share > 0.5 || (count === 1 && share > 0.2);
  return isJump && Math.abs(change) > (isWhole ? mostCounted : 1) ? { points: -15, because: 'jumps' } : { points: 0 };
}

function textEvidence({ before, after }: Reading): Evidence[] {
  const text = String(after);
  const words = text.replace(/[^\p{L}\p{N} ._-]/gu, '').length;
  const points = 44 + 8 * words - 8 * (text.length - words);
  return before === after
    ? [{ points, because: 'a constant text' }]
    : [{ points: points / 2, because: 'a text that changes' }];
}

const hourMicros = 3_600_000_000;
const yearMicros = 366 * 24 * hourMicros;
/** As far as time zones reach. */
const nearMicros = 15 * hourMicros;

function timeEvidence({ after }: Reading, now: Micros): Evidence[] {
  const distance = Math.abs(Number(after) - now);
  if (distance < nearMicros) return [{ points: 90, because: 'the time of now' }];
  return [distance < yearMicros ? { points: 40, because: 'a time within a year' } : { points: 4 }];
}

/** Points that an order costs: devices with swapped bytes are few. */
function orderOf({ shape: { byteOrder, type } }: Reading): Evidence {
  if (byteOrder === undefined) return { points: 0 };
  if (byteOrder === 'CDAB') return { points: -2 };
  return { points: byteOrder === 'EFGHABCD' ? -4 : type === 'string' ? -3 : -7 };
}
