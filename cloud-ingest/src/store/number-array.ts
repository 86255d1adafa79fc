/**
 * Numbers as PostgreSQL reads an array of them (manual, 8.15.2). The driver's own way escapes every element, which takes longer
 * than all the rest of sending them.
 */
export const numberArray = (numbers: readonly (number | null)[]): string =>
  `{${numbers.map((number) => number ?? 'NULL').join(',')}}`;
