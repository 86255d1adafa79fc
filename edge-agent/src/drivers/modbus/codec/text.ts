import { isUtf8 } from 'node:buffer';
import type { AnyByteOrder, CharacterPlace } from '@fieldline/shared/config';
import { swapsBytes } from './byte-order.ts';
import type { Read } from './read.ts';

const fill = new Set([0x20, 0xff]);

/**
 * Text ends at the first NUL; blanks and the 0xFF of erased memory that fill it up are dropped. Bytes that are no UTF-8 are read
 * as Latin-1, in which every byte is a character.
 */
export function readText(registers: number, place: CharacterPlace, order: AnyByteOrder): Read<string> {
  const pick = characterBytes(registers, place, swapsBytes(order));
  return (bytes, at) => {
    const whole = pick(bytes, at);
    const nul = whole.indexOf(0);
    let end = nul === -1 ? whole.length : nul;
    while (end > 0 && fill.has(whole[end - 1] ?? 0)) end -= 1;
    const text = whole.subarray(0, end);
    return text.toString(isUtf8(text) ? 'utf8' : 'latin1');
  };
}

/** The bytes of the characters in reading order. */
function characterBytes(registers: number, place: CharacterPlace, isSwapped: boolean): Read<Buffer> {
  const sizeBytes = registers * 2;
  if (place === 'both-bytes') {
    return isSwapped
      ? (bytes, at) => Buffer.from(bytes.subarray(at, at + sizeBytes)).swap16()
      : (bytes, at) => bytes.subarray(at, at + sizeBytes);
  }
  const first = (place === 'low-byte') === isSwapped ? 0 : 1;
  return (bytes, at) => Buffer.from(Array.from({ length: registers }, (_, n) => bytes[at + 2 * n + first] ?? 0));
}

/** The inverse, filled up with NUL; null where there is no room for it. */
export function encodeText(
  text: string,
  registers: number,
  place: CharacterPlace = 'both-bytes',
  isSwapped: boolean,
): Buffer | null {
  const characters = Buffer.from(text, 'utf8');
  const bytes = Buffer.alloc(registers * 2);
  if (characters.length > (place === 'both-bytes' ? bytes.length : registers)) return null;
  if (place === 'both-bytes') {
    characters.copy(bytes);
    return isSwapped ? bytes.swap16() : bytes;
  }
  const first = (place === 'low-byte') === isSwapped ? 0 : 1;
  for (const [n, byte] of characters.entries()) bytes[2 * n + first] = byte;
  return bytes;
}
