import { dirname } from 'node:path';
import { defaultClass } from '@fieldline/shared/contracts';
import type { Log, Metrics } from '@fieldline/shared/runtime';
import type { ChainOptions } from './chain.ts';
import type { DiskOptions } from './disk-options.ts';
import type { SubjectOf } from './last/series-lasts.ts';
import type { Bounds } from './retention.ts';
import { spaceOf } from './space.ts';
import type { ThinToMs } from './thinning/settings.ts';

export type JournalOptions = DiskOptions &
  ChainOptions &
  Bounds & {
    /** Of batches that wait in memory while the disk takes none. */
    readonly memoryBytes: number;
    /** null or undefined: no tag may be thinned. */
    readonly thinToMs?: ThinToMs | null;
    /** Devices of which the last sample of each series is remembered for the next start; undefined: none. */
    readonly isRemembered?: ((device: string) => boolean) | undefined;
    /** Of their texts that tell of several things: of which; undefined: there are none. */
    readonly subjectOf?: SubjectOf | undefined;
    readonly log: Log;
    readonly metrics: Metrics;
  };

/** Of each class a folder, its disk, and the age that is kept, is worth at least this many segments: one is dropped at a time. */
const fewestSegments = 4;

export function inSegments(options: JournalOptions): JournalOptions {
  const { maxBytes, maxAgeMs = Number.POSITIVE_INFINITY, classes = [defaultClass] } = options;
  const roomBytes = Math.min(maxBytes, diskBytes(options.folder));
  return {
    ...options,
    segmentBytes: Math.min(options.segmentBytes, roomBytes / fewestSegments / classes.length),
    segmentMs: Math.min(options.segmentMs ?? Number.POSITIVE_INFINITY, maxAgeMs / fewestSegments),
  };
}

/** Of the disk that has the folder, or will have it. */
function diskBytes(folder: string): number {
  try {
    return spaceOf(folder).totalBytes;
  } catch {
    const above = dirname(folder);
    return above === folder ? Number.POSITIVE_INFINITY : diskBytes(above);
  }
}
