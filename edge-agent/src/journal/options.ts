import type { Log, Metrics } from '@fieldline/shared/runtime';
import type { ChainOptions } from './chain.ts';
import type { DiskOptions } from './disk-options.ts';
import type { Bounds } from './retention.ts';
import type { ThinToMs } from './thinning/settings.ts';

export type JournalOptions = DiskOptions &
  ChainOptions &
  Bounds & {
    /** Of batches that wait in memory while the disk takes none. */
    readonly memoryBytes: number;
    /** null or undefined: no tag may be thinned. */
    readonly thinToMs?: ThinToMs | null;
    readonly log: Log;
    readonly metrics: Metrics;
  };

/** Of each class a folder, and the age that is kept, is worth at least this many segments: one is dropped at a time. */
const fewestSegments = 4;

export const inSegments = (options: JournalOptions): JournalOptions => ({
  ...options,
  segmentBytes: Math.min(options.segmentBytes, options.maxBytes / fewestSegments / (options.classes?.length ?? 1)),
  segmentMs: (options.maxAgeMs ?? Number.POSITIVE_INFINITY) / fewestSegments,
});
