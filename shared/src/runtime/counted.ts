/** `1 sample`, `2,000 samples`; `many` where the plural is no added s. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`;

/** With commas between thousands. */
export const grouped = (count: number): string => count.toLocaleString('en-US');
