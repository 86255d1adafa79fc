import type { Log, Metrics } from '@fieldline/shared/runtime';
import type { ChainOptions } from './chain.ts';
import type { DiskOptions } from './disk.ts';
import type { Bounds } from './retention.ts';

export type JournalOptions = DiskOptions &
  ChainOptions &
  Bounds & {
    /** Of batches that wait in memory while the disk takes none. */
    readonly memoryBytes: number;
    readonly log: Log;
    readonly metrics: Metrics;
  };
