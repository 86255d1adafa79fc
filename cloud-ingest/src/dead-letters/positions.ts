import { addRange, countOf, type Ranges } from '@fieldline/shared/contracts';

/** `0-4,7` */
export const formatPositions = (positions: Ranges): string =>
  positions.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');

/** For sentences: `position 3`, `positions 0-4,7`. */
export const listOf = (positions: Ranges): string =>
  `${countOf(positions) === 1 ? 'position' : 'positions'} ${formatPositions(positions)}`;

/** null for what is no list of positions. */
export function parsePositions(text: string): Ranges | null {
  let positions: Ranges = [];
  for (const part of text.split(',')) {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (from === undefined || Number(from) > Number(to)) return null;
    positions = addRange(positions, Number(from), Number(to));
  }
  return positions;
}
