/**
 * Of integers what the decimals of the settings mean, to the last digit: 53 × 0.1 is 5.3, where the product of the two floats is
 * 5.300000000000001. All is counted in units of the last decimal place, and divided once.
 */

/** null: too long for that, so whatever floats make of it. Made once per tag; `power` of ten by the scale factor. */
export type DecimalProduct = (raw: number, power: number) => number | null;

/** Of so many places a float64 still holds the power of ten exactly. */
const maxPlaces = 22;
const tens = Array.from({ length: maxPlaces + 1 }, (_, places) => Number(`1e${places}`));

export function decimalProduct(scale: number, offset: number): DecimalProduct {
  const factor = decimalOf(scale);
  const addend = decimalOf(offset);
  if (factor === null || addend === null) return () => null;
  return (raw, power) => {
    const places = Math.max(factor.places - power, addend.places, 0);
    const divisor = tens[places];
    const scaled = raw * factor.units * (tens[places - factor.places + power] ?? Number.NaN);
    const added = addend.units * (tens[places - addend.places] ?? Number.NaN);
    const units = scaled + added;
    const isExact = Number.isSafeInteger(scaled) && Number.isSafeInteger(added) && Number.isSafeInteger(units);
    return isExact && divisor !== undefined ? units / divisor : null;
  };
}

type Decimal = { readonly units: number; readonly places: number };

/** A number as it is written: 0.025 is 25 units of 3 places. null where that has more digits than a float64 counts. */
function decimalOf(value: number): Decimal | null {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const places = fraction.length - Number(exponent);
  const units = Number(whole + fraction) * (tens[Math.max(0, -places)] ?? Number.NaN);
  return Number.isSafeInteger(units) ? { units, places: Math.max(0, places) } : null;
}
