/** Which partitions a table should have: pure. A partition is named by its table and the hour at which it begins. */
export type PartitionRange = { readonly name: string; readonly fromMs: number; readonly toMs: number };

/** Partitions kept ready beyond the one of now. */
const ahead = 3;

export function partitionAt(table: string, timeMs: number, chunkMs: number): PartitionRange {
  const fromMs = Math.floor(timeMs / chunkMs) * chunkMs;
  return { name: `${table}_${stamp(fromMs)}`, fromMs, toMs: fromMs + chunkMs };
}

/** 20261123T0100 and, where a chunk does not begin on a minute, the seconds and milliseconds too. */
function stamp(ms: number): string {
  const digits = new Date(ms)
    .toISOString()
    .replaceAll(/[-:Z.]/g, '')
    .toLowerCase();
  return digits.replace(/0{5}$/, '');
}

/** The wanted partitions that do not exist: around now, and where rows lie in the default partition. */
export function missingPartitions(
  table: string,
  existing: readonly PartitionRange[],
  nowMs: number,
  strayMs: readonly number[],
  chunkMs: number,
): PartitionRange[] {
  const times = Array.from({ length: ahead + 1 }, (_, n) => nowMs + n * chunkMs);
  const wanted = new Map(
    [...strayMs, ...times].map((ms) => [partitionAt(table, ms, chunkMs).fromMs, partitionAt(table, ms, chunkMs)]),
  );
  // After a change of chunkMs old and new partitions may overlap: the old one stays, its rows have their place.
  return [...wanted.values()].filter(
    (range) => !existing.some((other) => range.fromMs < other.toMs && other.fromMs < range.toMs),
  );
}

export const expiredPartitions = (
  existing: readonly PartitionRange[],
  nowMs: number,
  retainMs: number,
): PartitionRange[] => existing.filter(({ toMs }) => toMs < nowMs - retainMs);
