import type { Ranges } from '@fieldline/shared/contracts';

/** What is wrong with a damaged file: said alike by whoever reads it, whichever batch they met first. `held`: what can be proven of it. */
export function damageInWords(first: number, held: Ranges): string {
  const [kept, behind] = held;
  if (kept === undefined) return 'nothing in it can be proven';
  if (kept[0] > first) return `batch ${first} is the first that cannot be proven`;
  if (behind !== undefined) return `batch ${kept[1] + 1} is the first that cannot be proven`;
  return `nothing behind batch ${kept[1]} can be proven`;
}
