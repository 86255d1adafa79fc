/**
 * What is made of the raw value, in this order: scale factor, scale, offset, rounding, limits. Rounding comes before the limits,
 * so that these hold as they are stated.
 */
import { isComputed, isFloat, type ModbusTag } from '@fieldline/shared/config/modbus';
import { decimalProduct } from './decimal-product.ts';
import { absent, type NoValue, outOfCode, type Read } from './read.ts';

/** `power` of ten by the scale factor, 0 without one. What comes out of floats may not be finite. */
export type Arithmetic = (raw: number | bigint, power: number) => number | bigint;

/** null where the raw value is the value. Made once per tag. */
export function arithmeticOf(setting: ModbusTag): Arithmetic | null {
  const limit = setting.clamp === undefined ? null : limitOf(setting, setting.clamp);
  if (!isComputed(setting)) return limit;
  const { scale = 1, offset = 0, decimals } = setting;
  const round = decimals === undefined ? null : roundTo(decimals);
  const exactly = isFloat(setting.type) ? null : decimalProduct(scale, offset);
  // 64-bit integers lose here what a float64 cannot hold: the settings chose a float64.
  return (raw, power) => {
    const number = Number(raw);
    const scaled = exactly?.(number, power) ?? timesTen(number, power) * scale + offset;
    const value = round === null ? scaled : round(scaled);
    return limit === null ? value : limit(value, 0);
  };
}

/** What the registers must hold for this value to come of it, before it is rounded to what they can hold. */
export function beforeArithmetic(setting: ModbusTag, value: number, power: number): number {
  const { scale = 1, offset = 0 } = setting;
  return timesTen((value - offset) / scale, -power);
}

/** How much a value grows by one more in its registers. */
export const stepOf = ({ scale = 1 }: ModbusTag, power: number): number => timesTen(Math.abs(scale), power);

function limitOf(setting: ModbusTag, [lowest, highest]: readonly [number, number]): Arithmetic {
  const isWhole = !isComputed(setting) && !isFloat(setting.type);
  // An infinity is no reading beyond the limit.
  if (!isWhole) return (value) => (Number.isFinite(value) ? Math.min(Math.max(Number(value), lowest), highest) : value);
  const [bigLowest, bigHighest] = [BigInt(lowest), BigInt(highest)];
  return (value) => {
    if (value < lowest) return typeof value === 'bigint' ? bigLowest : lowest;
    if (value > highest) return typeof value === 'bigint' ? bigHighest : highest;
    return value;
  };
}

/** Half a unit goes away from zero. Numbers so large that they have no such digits stay as they are. */
function roundTo(decimals: number): (value: number) => number {
  const unit = 10 ** decimals;
  return (value) => {
    const units = Math.abs(value) * unit;
    return units < Number.MAX_SAFE_INTEGER ? (Math.sign(value) * Math.round(units)) / unit : value;
  };
}

const maxPower = 10;
const powers = Array.from({ length: maxPower + 1 }, (_, power) => 10 ** power);

/** Dividing is exact to the last digit where multiplying by 0.1 is not. */
function timesTen(value: number, power: number): number {
  return power < 0 ? value / (powers[-power] ?? 1) : value * (powers[power] ?? 1);
}

/** The sunssf of SunSpec: −10 to 10, and 0x8000 where there is none. */
export const readScaleFactor: Read<number | NoValue> = (bytes, at) => {
  const power = bytes.readInt16BE(at);
  if (power === -0x8000) return absent;
  return power < -maxPower || power > maxPower ? outOfCode : power;
};
