/** Which partitions a table should have: pure. A partition is named by its table and the moment at which it begins, in UTC. */
export type PartitionRange = { readonly name: string; readonly fromMs: number; readonly toMs: number };

/** Partitions kept ready beyond the one of now: a week without maintenance leaves no row without its place. */
export const ahead = 8;

export function partitionAt(table: string, timeMs: number, chunkMs: number): PartitionRange {
  const fromMs = Math.floor(timeMs / chunkMs) * chunkMs;
  return rangeOf(table, fromMs, fromMs + chunkMs);
}

const rangeOf = (table: string, fromMs: number, toMs: number): PartitionRange => ({
  name: `${table}_${stamp(fromMs)}`,
  fromMs,
  toMs,
});

/** 20261123T0100 and, where a chunk does not begin on a minute, the seconds and milliseconds too. */
function stamp(ms: number): string {
  const digits = new Date(ms)
    .toISOString()
    .replaceAll(/[-:Z.]/g, '')
    .toLowerCase();
  return digits.replace(/0{5}$/, '');
}

/**
 * The wanted partitions that do not exist, in order: around now, between the newest one and now, and where rows lie in the
 * default partition (`strayMs`: one time in each chunk that has some).
 */
export function missingPartitions(
  table: string,
  existing: readonly PartitionRange[],
  nowMs: number,
  strayMs: readonly number[],
  chunkMs: number,
): PartitionRange[] {
  const newestMs = Math.max(Number.NEGATIVE_INFINITY, ...existing.map(({ toMs }) => toMs));
  const times = [...strayMs];
  const fromMs = Number.isFinite(newestMs) ? Math.min(newestMs, nowMs) : nowMs;
  for (let ms = fromMs; ms <= nowMs + ahead * chunkMs; ms += chunkMs) times.push(ms);
  const starts = new Set(times.map((ms) => partitionAt(table, ms, chunkMs).fromMs));
  return [...starts].sort((a, b) => a - b).flatMap((start) => freeParts(table, start, start + chunkMs, existing));
}

/**
 * After a change of chunkMs, older partitions may cover a part of the range: they stay, and what they leave free gets its
 * own. Else its rows would lie in the default partition for good.
 */
function freeParts(table: string, fromMs: number, toMs: number, existing: readonly PartitionRange[]): PartitionRange[] {
  const parts: PartitionRange[] = [];
  const inside = existing.filter((other) => fromMs < other.toMs && other.fromMs < toMs);
  let freeMs = fromMs;
  for (const other of inside.sort((a, b) => a.fromMs - b.fromMs)) {
    if (freeMs < other.fromMs) parts.push(rangeOf(table, freeMs, other.fromMs));
    freeMs = other.toMs;
  }
  if (freeMs < toMs) parts.push(rangeOf(table, freeMs, toMs));
  return parts;
}

export const expiredPartitions = (
  existing: readonly PartitionRange[],
  nowMs: number,
  retainMs: number,
): PartitionRange[] => existing.filter(({ toMs }) => toMs < nowMs - retainMs);
