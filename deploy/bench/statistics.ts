/** The value below which `share` (0–1) of the values lie: the nearest one that was measured. NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Of a Prometheus histogram: how many values were at most so large. Buckets rise; the last has all. */
export type Bucket = { readonly most: number; readonly count: number };

export const since = (before: readonly Bucket[], now: readonly Bucket[]): Bucket[] =>
  now.map(({ most, count }, index) => ({ most, count: count - (before[index]?.count ?? 0) }));

/** As `quantile`, in the bucket where it lies in proportion; where that has no end, its beginning. NaN of nothing. */
export function quantileOfBuckets(buckets: readonly Bucket[], share: number): number {
  const wanted = share * (buckets.at(-1)?.count ?? 0);
  const index = buckets.findIndex(({ count }) => count >= wanted && count > 0);
  const bucket = buckets[index];
  if (bucket === undefined) return Number.NaN;
  const { most: from, count: below } = buckets[index - 1] ?? { most: 0, count: 0 };
  if (bucket.most === Number.POSITIVE_INFINITY) return from;
  return from + ((bucket.most - from) * (wanted - below)) / (bucket.count - below);
}
