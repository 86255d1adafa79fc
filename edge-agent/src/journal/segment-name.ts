/**
 * The name of a segment says what a damaged file held: `00000012.<stream>.345.segment` is the 12th file of the folder and
 * begins with batch 345 of the stream. A file that was set aside ends in `.damaged`.
 */
export type SegmentName = { readonly number: number; readonly stream: string; readonly first: number };

const pattern = /^(\d{8,})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d+)\.segment$/;

export const segmentFile = ({ number, stream, first }: SegmentName): string =>
  `${String(number).padStart(8, '0')}.${stream}.${first}.segment`;

/** null for a file that is no segment. */
export function parseSegmentFile(file: string): SegmentName | null {
  const match = pattern.exec(file);
  if (match === null) return null;
  const [, number, stream, first] = match;
  return { number: Number(number), stream: stream ?? '', first: Number(first) };
}

/** Oldest first. */
export const namesAmong = (files: readonly string[]): readonly SegmentName[] =>
  files
    .map(parseSegmentFile)
    .filter((name) => name !== null)
    .sort((left, right) => left.number - right.number);

export const damagedSuffix = '.damaged';
export const isDamagedFile = (file: string): boolean => file.endsWith(damagedSuffix);
