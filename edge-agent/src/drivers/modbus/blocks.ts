/** Which neighbouring registers are read in one request: pure, and the best that the limits allow. */

/** Neighbouring registers (or bits, in the tables of bits), by wire address. */
export type Span = { readonly first: number; readonly count: number };

/** What one request costs by the number of its registers (or bits): never less for more of them. */
export type Cost = (count: number) => number;

export type Limits = {
  /** Most registers (or bits) of one request. */
  readonly maxCount: number;
  /** Most registers (or bits) in a row that are read along though no tag wants them. */
  readonly maxGap: number;
  /** What no request may touch. No span does. */
  readonly avoid: readonly Span[];
  readonly cost: Cost;
  /** Of files: most stretches of records that one request asks for. */
  readonly maxSubRequests?: number;
};

/** One request: every point lies in one of its stretches whole. */
export type Block<P extends Span> = Span & {
  readonly points: readonly P[];
  /** What is asked for, in the order of the answer: of files often several, else the block itself. */
  readonly stretches: readonly Span[];
};

export const endOf = ({ first, count }: Span): number => first + count;
export const byAddress = (one: Span, other: Span): number => one.first - other.first || one.count - other.count;
const byEnd = (one: Span, other: Span): number => endOf(one) - endOf(other) || one.first - other.first;

/** Where in the registers (or bits) of the answer those of a point begin. */
export function indexIn({ stretches }: Block<Span>, point: Span): number {
  let before = 0;
  let index: number | null = null;
  for (const stretch of stretches) {
    const isWhole = stretch.first <= point.first && endOf(point) <= endOf(stretch);
    // Records that are more than a register do not go on into the next: there only what begins with the point is its own.
    if (isWhole && stretch.first === point.first) return before;
    if (isWhole) index ??= before + point.first - stretch.first;
    before += stretch.count;
  }
  if (index === null) throw new Error(`${point.first} is not in this block`);
  return index;
}

/**
 * The blocks that hold every span whole at the least cost, in the order of their addresses. Spans may overlap.
 *
 * Where more than maxGap unwanted registers stand in a row, or one that must not be read, or `startsNew` says so, the line is
 * cut once and for all: no block can reach over that. What is between two cuts may be divided in any way that keeps maxCount.
 */
export function cheapestBlocks<P extends Span>(
  spans: readonly P[],
  limits: Limits,
  startsNew: (span: P) => boolean = () => false,
): Block<P>[] {
  const blocks: Block<P>[] = [];
  let stretch: P[] = [];
  let end = 0;
  for (const span of [...spans].sort(byAddress)) {
    if (stretch.length > 0 && (startsNew(span) || isCut(end, span.first, limits))) {
      blocks.push(...divide(stretch, limits));
      stretch = [];
      end = 0;
    }
    stretch.push(span);
    end = Math.max(end, endOf(span));
  }
  blocks.push(...divide(stretch, limits));
  return blocks;
}

const isCut = (from: number, to: number, { maxGap, avoid }: Limits): boolean =>
  to - from > maxGap || avoid.some((range) => range.first < to && endOf(range) > from);

/**
 * In the order of their ends, the spans of a block stand in a row, in some division that costs the least: give each span to the
 * first block that reaches to its end. Some block holds it whole; the one that it is given to ends no later, and so begins no
 * later, for a block that lies within another can be left out. So it is enough to know, for each number of spans from the first
 * on, the least that they cost, by trying where their last block begins.
 */
function divide<P extends Span>(stretch: readonly P[], { maxCount, cost }: Limits): Block<P>[] {
  const spans = [...stretch].sort(byEnd);
  const least = [0];
  const lastBegins = [0];
  for (const [position, span] of spans.entries()) {
    let first = span.first;
    let lowest = Number.POSITIVE_INFINITY;
    for (let begin = position; begin >= 0; begin--) {
      first = Math.min(first, spans[begin]?.first ?? first);
      const count = endOf(span) - first;
      if (count > maxCount && begin < position) break;
      const total = (least[begin] ?? 0) + cost(count);
      if (total >= lowest) continue;
      lowest = total;
      lastBegins[position + 1] = begin;
    }
    least[position + 1] = lowest;
  }
  const blocks: Block<P>[] = [];
  for (let end = spans.length; end > 0; ) {
    const begin = lastBegins[end] ?? 0;
    blocks.unshift(blockOf(spans.slice(begin, end)));
    end = begin;
  }
  return blocks;
}

/** The block that holds these points and no more. */
export function blockOf<P extends Span>(points: readonly P[]): Block<P> {
  const first = points.reduce((least, point) => Math.min(least, point.first), Number.POSITIVE_INFINITY);
  const end = points.reduce((most, point) => Math.max(most, endOf(point)), 0);
  const stretch = { first, count: end - first };
  return { ...stretch, points: [...points].sort(byAddress), stretches: [stretch] };
}
