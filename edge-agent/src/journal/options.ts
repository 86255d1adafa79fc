import type { Clock, Log, Metrics } from '@fieldline/shared/runtime';
import type { DiskOptions } from './disk.ts';
import type { Bounds } from './retention.ts';
import type { Encoding } from './stream-writer.ts';

export type JournalOptions = DiskOptions &
  Encoding &
  Bounds & {
    /** Of batches that wait in memory while the disk takes none. */
    readonly memoryBytes: number;
    readonly newStream: () => string;
    readonly clock: Clock;
    readonly log: Log;
    readonly metrics: Metrics;
  };
