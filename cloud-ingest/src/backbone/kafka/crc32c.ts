/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4), sixteen bytes at a step ("slicing", Kounavis and Berry 2005). Node's zlib has
 * only the other CRC-32.
 */
const polynomial = 0x82f63b78;
const step = 16;
const tables = makeTables();

export function crc32c(bytes: Buffer, from: number): number {
  let crc = -1;
  let at = from;
  for (const end = bytes.length - step; at <= end; at += step) {
    const first =
      crc ^ (byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24));
    crc =
      cell(15, first) ^
      cell(14, first >>> 8) ^
      cell(13, first >>> 16) ^
      cell(12, first >>> 24) ^
      cell(11, byte(bytes, at + 4)) ^
      cell(10, byte(bytes, at + 5)) ^
      cell(9, byte(bytes, at + 6)) ^
      cell(8, byte(bytes, at + 7)) ^
      cell(7, byte(bytes, at + 8)) ^
      cell(6, byte(bytes, at + 9)) ^
      cell(5, byte(bytes, at + 10)) ^
      cell(4, byte(bytes, at + 11)) ^
      cell(3, byte(bytes, at + 12)) ^
      cell(2, byte(bytes, at + 13)) ^
      cell(1, byte(bytes, at + 14)) ^
      cell(0, byte(bytes, at + 15));
  }
  for (; at < bytes.length; at++) crc = cell(0, crc ^ byte(bytes, at)) ^ (crc >>> 8);
  return ~crc >>> 0;
}

// What is read is always there: these only tell the compiler so, and cost nothing.
const byte = (bytes: Buffer, at: number): number => bytes[at] ?? 0;
const cell = (table: number, index: number): number => tables[(table << 8) | (index & 0xff)] ?? 0;

/** The first carries a byte over itself, each further one over one byte more. */
function makeTables(): Int32Array {
  const made = new Int32Array(step * 256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    made[value] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const crc = made[at - 256] ?? 0;
    made[at] = (crc >>> 8) ^ (made[crc & 0xff] ?? 0);
  }
  return made;
}
