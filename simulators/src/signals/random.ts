/**
 * Randomness that has no state: the number at an index depends on the seed and the index alone, so any instant can be
 * computed without replaying those before it. The mixing is MurmurHash3 (x86, 32 bit) over whole words.
 */

const mixWord = (hash: number, word: number): number => {
  const scrambled = Math.imul(rotate(Math.imul(word, 0xcc9e_2d51), 15), 0x1b87_3593);
  return (Math.imul(rotate(hash ^ scrambled, 13), 5) + 0xe654_6b64) | 0;
};

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

const finish = (hash: number): number => {
  const first = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2_ae35);
  return (second ^ (second >>> 16)) >>> 0;
};

const highWord = (whole: number): number => Math.floor(whole / 2 ** 32) | 0;

/** Evenly spread over 0 ≤ x < 1. `lane` tells apart the numbers that one signal needs at one index; all are whole. */
export function randomAt(seed: number, lane: number, index: number): number {
  let hash = mixWord(mixWord(0, seed | 0), highWord(seed));
  hash = mixWord(mixWord(mixWord(hash, lane), index | 0), highWord(index));
  return finish(hash) / 2 ** 32;
}

/** The seed of a point whose plant file gives none: another name, another seed. */
export function seedOfName(plantSeed: number, name: string): number {
  let hash = mixWord(mixWord(0, plantSeed | 0), highWord(plantSeed));
  for (const character of name) hash = mixWord(hash, character.codePointAt(0) ?? 0);
  return finish(hash);
}
