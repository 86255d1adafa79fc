import {
  addRange,
  type Declaration,
  emptyRanges,
  type Predecessor,
  type Range,
  type Ranges,
  subtractRanges,
} from '@fieldline/shared/contracts';

/** What a folder says of its streams. */
export type Known = {
  readonly held: ReadonlyMap<string, Ranges>;
  readonly confirmed: ReadonlyMap<string, Ranges>;
  readonly declared: readonly Declaration[];
  /** Named by the first batch of an opening: the one before, and the last number that it gave. */
  readonly predecessors: readonly Predecessor[];
};
export type Hole = { readonly stream: string; readonly range: Range };

/** Numbers that were given and are neither held nor confirmed nor declared. Only of streams of which something is held. Pure. */
export function holes({ held, confirmed, declared, predecessors }: Known): Hole[] {
  return [...held].flatMap(([stream, ranges]) => {
    const lastHeld = ranges.at(-1)?.[1] ?? 0;
    const last = predecessors.reduce(
      (highest, named) => (named.stream === stream ? Math.max(highest, named.lastSeq) : highest),
      lastHeld,
    );
    const explained = [confirmed.get(stream) ?? emptyRanges, declaredOf(declared, stream), ranges];
    const missing = explained.reduce((left, ranges) => subtractRanges(left, ranges), [[1, last]] as Ranges);
    return missing.map((range) => ({ stream, range }));
  });
}

const declaredOf = (declared: readonly Declaration[], stream: string): Ranges =>
  declared.reduce<Ranges>(
    (ranges, each) =>
      each.kind === 'batches' && each.stream === stream ? addRange(ranges, each.from, each.to) : ranges,
    emptyRanges,
  );
