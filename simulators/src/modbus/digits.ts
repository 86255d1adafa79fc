/** Numbers that meters keep in decimal: four digits per register, the highest first. */
type Kind = 'bcd' | 'mod10000';

export function writeDigits(own: Buffer, kind: Kind, value: bigint): void {
  const text = (value < 0n ? -value : value).toString().padStart(own.length * 2, '0');
  if (kind === 'bcd') {
    own.write(text, 'hex');
    return;
  }
  const sign = value < 0n ? -1 : 1;
  for (let at = 0; at < own.length; at += 2) own.writeInt16BE(sign * Number(text.slice(at * 2, at * 2 + 4)), at);
}

export function readDigits(own: Buffer, kind: Kind): bigint {
  if (kind === 'bcd') return BigInt(own.toString('hex'));
  let value = 0n;
  for (let at = 0; at < own.length; at += 2) value = value * 10_000n + BigInt(own.readInt16BE(at));
  return value;
}
