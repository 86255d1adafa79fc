/** What all benchmarks of the journal have in common. */
import type { Survives } from '../../../edge-agent/src/journal/segment.ts';
import type { BenchmarkContext } from '../benchmark.ts';

/**
 * Copies of the demonstration plant, each with devices, seeds and moments of its own: about 64 samples a second of each pass its
 * deadbands. All series are at their own pace, so most batches have no series twice: the hardest case for their encoding.
 */
export const copies = 16;

export const durabilities: readonly Survives[] = ['power-cut', 'process-crash'];

export const common = ({ root }: BenchmarkContext) => ({ root, copies, compression: 'zstd' }) as const;
