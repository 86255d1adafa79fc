import type { Micros, Value } from '@fieldline/shared/contracts';

/** Which batch a row came from: `batch = streamNo × 2^32 + seq`. */
export type BatchRef = { readonly streamNo: number; readonly seq: number };

/** What rows are built from: the columns of one batch, with the series of its tags. */
export type RowSource = BatchRef & {
  readonly time: readonly Micros[];
  readonly value: readonly (Value | null)[];
  readonly quality: readonly number[];
  readonly tagIndex: readonly number[];
  /** Series of tag n. */
  readonly seriesIds: readonly number[];
};

/**
 * The rows of one transaction in columns: row n is the nth sample of the sources, one source after the other. The series
 * of a row is named by its slot, a dense number within the transaction, so that sorting and folding are array work.
 */
export type Rows = {
  readonly count: number;
  readonly sources: readonly RowSource[];
  /** First row of each source. */
  readonly firstRow: readonly number[];
  readonly time: Float64Array;
  /** NaN where the row has no value: NaN itself is bad quality and has none. */
  readonly value: Float64Array;
  readonly quality: Int16Array;
  readonly slot: Int32Array;
  readonly sourceIndex: Int32Array;
  readonly text: ReadonlyMap<number, string>;
  /** Series of slot n. */
  readonly seriesIds: readonly number[];
};

export function rowsOf(sources: readonly RowSource[]): Rows {
  const count = sources.reduce((sum, source) => sum + source.time.length, 0);
  const time = new Float64Array(count);
  const value = new Float64Array(count);
  const quality = new Int16Array(count);
  const slot = new Int32Array(count);
  const sourceIndex = new Int32Array(count);
  const text = new Map<number, string>();
  const slotOfSeries = new Map<number, number>();
  // Batches of one gateway mostly have the same list of series.
  const slotsOfList = new Map<readonly number[], readonly number[]>();
  const firstRow: number[] = [];
  let row = 0;
  for (const [index, source] of sources.entries()) {
    firstRow.push(row);
    const slots =
      slotsOfList.get(source.seriesIds) ?? source.seriesIds.map((seriesId) => slotFor(seriesId, slotOfSeries));
    slotsOfList.set(source.seriesIds, slots);
    for (let n = 0; n < source.time.length; n++, row++) {
      const sample = source.value[n] as Value | null;
      time[row] = source.time[n] as number;
      quality[row] = source.quality[n] as number;
      slot[row] = slots[source.tagIndex[n] as number] as number;
      sourceIndex[row] = index;
      if (typeof sample === 'number') value[row] = sample;
      else {
        value[row] = nearestNumber(sample);
        const exact = exactText(sample);
        if (exact !== null) text.set(row, exact);
      }
    }
  }
  return {
    count,
    sources,
    firstRow,
    time,
    value,
    quality,
    slot,
    sourceIndex,
    text,
    seriesIds: [...slotOfSeries.keys()],
  };
}

function slotFor(seriesId: number, slotOfSeries: Map<number, number>): number {
  const known = slotOfSeries.get(seriesId);
  if (known !== undefined) return known;
  slotOfSeries.set(seriesId, slotOfSeries.size);
  return slotOfSeries.size - 1;
}

function nearestNumber(value: Value | null): number {
  if (value === null || typeof value === 'string') return Number.NaN;
  return Number(value);
}

/** Text is kept only where the number alone is not exact. */
function exactText(value: Value | null): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' && !Number.isSafeInteger(Number(value)) ? value.toString() : null;
}

/**
 * The rows in the order in which they are written: by series, within a series by time, those of one time as they came. The
 * columnstore is told that they come so; in the rowstore, neighbours on the disk then belong to one series.
 */
export function orderBySeries(rows: Rows): Uint32Array {
  const rank = rankOfSlots(rows.seriesIds);
  // Where the rows of a rank begin, and then where its next row goes.
  const next = new Uint32Array(rows.seriesIds.length + 1);
  for (let row = 0; row < rows.count; row++) {
    const after = (rank[rows.slot[row] as number] as number) + 1;
    next[after] = (next[after] as number) + 1;
  }
  for (let n = 1; n < next.length; n++) next[n] = (next[n] as number) + (next[n - 1] as number);
  const order = new Uint32Array(rows.count);
  // Of each rank: whether its rows came in the order of their time, as nearly all do.
  const newest = new Float64Array(rows.seriesIds.length).fill(Number.NEGATIVE_INFINITY);
  const mixed = new Set<number>();
  for (let row = 0; row < rows.count; row++) {
    const at = rank[rows.slot[row] as number] as number;
    const place = next[at] as number;
    const time = rows.time[row] as number;
    if (time < (newest[at] as number)) mixed.add(at);
    else newest[at] = time;
    order[place] = row;
    next[at] = place + 1;
  }
  for (const at of mixed) {
    const from = at === 0 ? 0 : (next[at - 1] as number);
    order
      .subarray(from, next[at] as number)
      .sort((a, b) => (rows.time[a] as number) - (rows.time[b] as number) || a - b);
  }
  return order;
}

function rankOfSlots(seriesIds: readonly number[]): Uint32Array {
  const slots = seriesIds.map((_, slot) => slot).sort((a, b) => (seriesIds[a] as number) - (seriesIds[b] as number));
  const rank = new Uint32Array(slots.length);
  for (const [place, slot] of slots.entries()) rank[slot] = place;
  return rank;
}
