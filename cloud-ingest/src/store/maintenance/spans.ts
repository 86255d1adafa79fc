/** From the first instant to just before the second. */
export type Span = { readonly from: Date; readonly to: Date };

/** Buckets that follow each other, put together: one scan of the rows computes them all. `buckets`: ascending, in ms. */
export function spansOf(buckets: readonly number[], widthMs: number): Span[] {
  const spans: Span[] = [];
  let from: number | undefined;
  for (const [index, bucket] of buckets.entries()) {
    from ??= bucket;
    if (buckets[index + 1] === bucket + widthMs) continue;
    spans.push({ from: new Date(from), to: new Date(bucket + widthMs) });
    from = undefined;
  }
  return spans;
}
