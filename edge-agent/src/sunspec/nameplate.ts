/** The common model: who made the device. */

export const commonModel = 1;

export type Nameplate = {
  readonly maker: string;
  readonly model: string;
  readonly version: string;
  readonly serial: string;
};

/** Of the registers of model 1, its head included. */
export const nameplateOf = (words: readonly number[]): Nameplate => ({
  maker: text(words, 2, 16),
  model: text(words, 18, 16),
  version: text(words, 42, 8),
  serial: text(words, 50, 16),
});

function text(words: readonly number[], first: number, count: number): string {
  const bytes = Buffer.from(words.slice(first, first + count).flatMap((word) => [word >> 8, word & 0xff]));
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end).trim();
}
