/**
 * The name of a segment says what a damaged file held: `00000012.<stream>.345.segment` is the 12th file of the folder and
 * begins with batch 345 of the stream. Where its samples are of another class than process, that stands before the end:
 * `.345.alarm.segment`. A file that was set aside ends in `.damaged`.
 */
import { defaultClass, type TagClass, tagClasses } from '@fieldline/shared/contracts';

export type SegmentName = {
  readonly number: number;
  readonly stream: string;
  readonly first: number;
  readonly class: TagClass;
};

const others = tagClasses.filter((tagClass) => tagClass !== defaultClass);
const pattern = new RegExp(
  `^(\\d{8,})\\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\\.(\\d+)(?:\\.(${others.join('|')}))?\\.segment$`,
);

export const segmentFile = ({ number, stream, first, class: tagClass }: SegmentName): string =>
  `${String(number).padStart(8, '0')}.${stream}.${first}${tagClass === defaultClass ? '' : `.${tagClass}`}.segment`;

/** null for a file that is no segment. */
export function parseSegmentFile(file: string): SegmentName | null {
  const match = pattern.exec(file);
  if (match === null) return null;
  const [, number, stream, first, stated] = match;
  const tagClass = others.find((other) => other === stated) ?? defaultClass;
  return { number: Number(number), stream: stream ?? '', first: Number(first), class: tagClass };
}

/** Oldest first. */
export const namesAmong = (files: readonly string[]): readonly SegmentName[] =>
  files
    .map(parseSegmentFile)
    .filter((name) => name !== null)
    .sort((left, right) => left.number - right.number);

export const damagedSuffix = '.damaged';
export const isDamagedFile = (file: string): boolean => file.endsWith(damagedSuffix);
/** Of segments that were set aside, oldest first. */
export const setAsideNames = (files: readonly string[]): readonly SegmentName[] =>
  namesAmong(files.filter(isDamagedFile).map((file) => file.slice(0, -damagedSuffix.length)));
