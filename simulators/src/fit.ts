import { FieldlineError, fitsType, type Value, type ValueType } from '@fieldline/shared/contracts';

const integerBits = { int8: 8, uint8: 8, int16: 16, uint16: 16, int32: 32, uint32: 32, int64: 64, uint64: 64 } as const;
type IntegerType = keyof typeof integerBits;

/**
 * What a point of a type holds of a signal's value. Numbers are rounded and stop at the limits of an integer type, as an
 * analogue input does; bigints (counters) wrap at them, as a meter does. A bool is true from one half up.
 * @throws FieldlineError settings/invalid for a text that is no number, where the type wants one
 */
export function fit(type: ValueType, value: Value): Value {
  switch (type) {
    case 'string':
      return String(value);
    case 'bool':
      return typeof value === 'boolean' ? value : Number(value) >= 0.5;
    case 'float64':
      return toNumber(value);
    case 'float32':
      return Math.fround(toNumber(value));
    default:
      return fitInteger(type, value);
  }
}

function fitInteger(type: IntegerType, value: Value): number | bigint {
  const bits = integerBits[type];
  const signed = type.startsWith('int');
  const exact = typeof value === 'string' && /^[+-]?\d+$/.test(value) ? BigInt(value) : value;
  if (typeof exact === 'bigint') {
    if (typeof value === 'string' && !fitsType(type, bits === 64 ? exact : Number(exact))) {
      throw new FieldlineError('settings/invalid', `${value} does not fit ${type}`);
    }
    const wrapped = signed ? BigInt.asIntN(bits, exact) : BigInt.asUintN(bits, exact);
    return bits === 64 ? wrapped : Number(wrapped);
  }
  const rounded = Math.round(toNumber(exact));
  if (!Number.isFinite(rounded)) throw new FieldlineError('settings/invalid', `${value} does not fit ${type}`);
  if (bits === 64) {
    const whole = BigInt(rounded);
    const [lowest, highest] = signed ? [-(1n << 63n), (1n << 63n) - 1n] : [0n, (1n << 64n) - 1n];
    return whole < lowest ? lowest : whole > highest ? highest : whole;
  }
  const lowest = signed ? -(2 ** (bits - 1)) : 0;
  // Adding 0 makes the −0 that rounding can leave a 0: registers know only one.
  return Math.max(lowest, Math.min(lowest + 2 ** bits - 1, rounded)) + 0;
}

/** NaN and the infinities can be asked for by name, to see what a reader makes of them. */
const notNumbers = new Set(['NaN', 'Infinity', '-Infinity']);

function toNumber(value: Value): number {
  const number = Number(value);
  if (typeof value === 'string' && (value.trim() === '' || (Number.isNaN(number) && !notNumbers.has(value)))) {
    throw new FieldlineError('settings/invalid', `${JSON.stringify(value)} is not a number`);
  }
  return number;
}
