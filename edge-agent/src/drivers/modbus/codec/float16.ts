const signBit = 0x8000;
const exponentOfAll = 0x1f;

/** binary16 of IEEE 754: sign, 5 bits of exponent, 10 of fraction. Buffer has no reader for it. */
export function readFloat16(bytes: Buffer, at: number): number {
  const bits = bytes.readUInt16BE(at);
  const sign = (bits & signBit) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & exponentOfAll;
  const fraction = bits & 0x3ff;
  if (exponent === exponentOfAll) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Below the smallest exponent the leading 1 is not there.
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
