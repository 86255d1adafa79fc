import { addRange, type Ranges } from '@fieldline/shared/contracts';

/** Positions in a batch as people write them: `3`, `0-4,7`. */
export const listOf = (positions: Ranges): string =>
  `${positions.length === 1 && positions[0]?.[0] === positions[0]?.[1] ? 'position' : 'positions'} ${positions
    .map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
    .join(',')}`;

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
