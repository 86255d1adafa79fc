import {
  addRange,
  type Declaration,
  emptyRanges,
  type Predecessor,
  type Range,
  type Ranges,
  subtractRanges,
  unionRanges,
} from '@fieldline/shared/contracts';

/** What a folder says of its streams. */
export type Known = {
  readonly held: ReadonlyMap<string, Ranges>;
  readonly confirmed: ReadonlyMap<string, Ranges>;
  /** What the agent noted as held: files that are gone are known by it. */
  readonly noted: ReadonlyMap<string, Ranges>;
  readonly declared: readonly Declaration[];
  /** Named by the first batch of an opening: the one before, and the last number that it gave. */
  readonly predecessors: readonly Predecessor[];
};
export type Hole = { readonly stream: string; readonly range: Range };

/** Numbers that were given and are neither held nor confirmed nor declared. Only of streams of which something is held, or noted as held. Pure. */
export function holes({ held, confirmed, noted, declared, predecessors }: Known): Hole[] {
  return [...new Set([...held.keys(), ...noted.keys()])].flatMap((stream) => {
    const ranges = held.get(stream) ?? emptyRanges;
    const lastHeld = ranges.at(-1)?.[1] ?? 0;
    const last = predecessors.reduce(
      (highest, named) => (named.stream === stream ? Math.max(highest, named.lastSeq) : highest),
      lastHeld,
    );
    const explained = [confirmed.get(stream) ?? emptyRanges, declaredOf(declared, stream), ranges];
    const given: Ranges = ranges.length === 0 ? emptyRanges : [[1, last]];
    const missing = explained.reduce(subtractRanges, unionRanges(given, noted.get(stream) ?? emptyRanges));
    return missing.map((range) => ({ stream, range }));
  });
}

const declaredOf = (declared: readonly Declaration[], stream: string): Ranges =>
  declared.reduce<Ranges>(
    (ranges, each) =>
      each.kind === 'batches' && each.stream === stream ? addRange(ranges, each.from, each.to) : ranges,
    emptyRanges,
  );
