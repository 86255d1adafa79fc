/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4), sixteen bytes at a step ("slicing", Kounavis and Berry 2005). Node's zlib has
 * only the other CRC-32.
 */
const polynomial = 0x82f63b78;
const step = 16;
const tables = makeTables();

export function crc32c(bytes: Buffer, from: number): number {
  // Words are read where they are aligned; every machine that Node runs on here is little-endian.
  const aligned = Math.min(bytes.length, from + (-(bytes.byteOffset + from) & 3));
  let crc = byByte(-1, bytes, from, aligned);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, (bytes.length - aligned) >> 2);
  let at = 0;
  for (const last = words.length - step / 4; at <= last; at += step / 4) {
    const a = crc ^ word(words, at);
    const b = word(words, at + 1);
    const c = word(words, at + 2);
    const d = word(words, at + 3);
    crc =
      cell(15, a) ^
      cell(14, a >>> 8) ^
      cell(13, a >>> 16) ^
      cell(12, a >>> 24) ^
      cell(11, b) ^
      cell(10, b >>> 8) ^
      cell(9, b >>> 16) ^
      cell(8, b >>> 24) ^
      cell(7, c) ^
      cell(6, c >>> 8) ^
      cell(5, c >>> 16) ^
      cell(4, c >>> 24) ^
      cell(3, d) ^
      cell(2, d >>> 8) ^
      cell(1, d >>> 16) ^
      cell(0, d >>> 24);
  }
  return ~byByte(crc, bytes, aligned + at * 4, bytes.length) >>> 0;
}

function byByte(start: number, bytes: Buffer, from: number, to: number): number {
  let crc = start;
  for (let at = from; at < to; at++) crc = cell(0, crc ^ (bytes[at] ?? 0)) ^ (crc >>> 8);
  return crc;
}

// What is read is always there: these only tell the compiler so, and cost nothing.
const word = (words: Int32Array, at: number): number => words[at] ?? 0;
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
