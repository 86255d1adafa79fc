import { type ModbusType, modbusValueType, registerCount, type TimeForm } from '@fieldline/shared/config';
import { FieldlineError, type Value } from '@fieldline/shared/contracts';
import { fit } from '../fit.ts';
import { fitClock } from './clocks.ts';

type Shape = {
  readonly type: ModbusType;
  readonly registers?: number | undefined;
  readonly bits?: readonly [number, number] | undefined;
  readonly signed?: boolean | undefined;
  readonly timeForm?: TimeForm | undefined;
};

/**
 * What registers hold of a signal's value: as `fit`, within the limits of those types that are narrower than their values.
 * @throws FieldlineError settings/invalid for a text that is no number, where the type wants one, or does not fit
 */
export function fitRegisters(shape: Shape, value: Value): Value {
  const { type, registers, signed, timeForm } = shape;
  const as = modbusValueType({ type, registers, signed });
  const range = rangeOf(shape);
  if (range === null) {
    const fitted = fit(as, value);
    if (type === 'time') return fitClock(timeForm ?? 'unix-seconds', BigInt(fitted));
    return type === 'float16' ? Math.f16round(Number(fitted)) : fitted;
  }
  const [lowest, highest] = range;
  if (typeof value === 'bigint') return fit(as, lowest + modulo(value - lowest, highest - lowest + 1n));
  const fitted = BigInt(fit(as, value));
  const held = fitted < lowest ? lowest : fitted > highest ? highest : fitted;
  if (typeof value === 'string' && held !== fitted) {
    throw new FieldlineError('settings/invalid', `${value} does not fit: ${lowest} to ${highest}`);
  }
  return fit(as, held);
}

const modulo = (value: bigint, by: bigint): bigint => ((value % by) + by) % by;

/** null where the limits are those of the value's type. */
function rangeOf(shape: Shape): readonly [bigint, bigint] | null {
  const { type, bits, signed } = shape;
  if (bits !== undefined) return ofBits(type, bits[1] - bits[0] + 1);
  if (type === 'int24' || type === 'uint24') return ofBits(type, 24);
  if (type === 'int48' || type === 'uint48') return ofBits(type, 48);
  if (type !== 'bcd' && type !== 'mod10000') return null;
  const highest = 10n ** BigInt(registerCount(shape) * 4) - 1n;
  return [type === 'mod10000' && signed === true ? -highest : 0n, highest];
}

function ofBits(type: ModbusType, width: number): readonly [bigint, bigint] {
  const half = 1n << BigInt(width - 1);
  return type.startsWith('int') ? [-half, half - 1n] : [0n, 2n * half - 1n];
}
