/** What the process with the journal is told to do, and what it says when it has done it. */

import type { Compression } from '@fieldline/shared/contracts';
import type { Survives } from '../../../edge-agent/src/journal/segment.ts';

type Common = {
  /** Of the repository. */
  readonly root: string;
  /** Of the journal; new. */
  readonly folder: string;
  readonly survives: Survives;
  readonly compression: Compression;
  readonly copies: number;
  /** Of the plant. */
  readonly seconds: number;
};

export type Job =
  /** Each flush when its time comes; each batch is confirmed a second later. */
  | (Common & { readonly kind: 'live' })
  /** The same without waiting. `device` of the folder, where nothing else writes; null where there is none. */
  | (Common & { readonly kind: 'online'; readonly device: string | null })
  /** Nothing is confirmed. */
  | (Common & { readonly kind: 'offline' })
  /** As fast as it goes: `perFlush` samples a flush, then all read and confirmed. */
  | (Common & { readonly kind: 'speed'; readonly perFlush: number });

export type JobKind = Job['kind'];

export type Results = {
  readonly live: {
    readonly samples: number;
    readonly flushes: number;
    /** When it was measured, ms since 1970. */
    readonly fromMs: number;
    readonly toMs: number;
    /** Event-loop delay, 99 % of the time and at most. */
    readonly delayMs: number;
    readonly mostDelayMs: number;
    /** How long a flush held the loop. */
    readonly flushMs: number;
    readonly mostFlushMs: number;
  };
  readonly online: {
    readonly samples: number;
    readonly flushes: number;
    readonly encodedBytes: number;
    /** By this process to its files, as /proc/self/io counts. */
    readonly writtenBytes: number;
    readonly deviceBytes: number | null;
  };
  readonly offline: { readonly samples: number; readonly encodedBytes: number; readonly keptBytes: number };
  readonly speed: { readonly appendPerSecond: number; readonly drainPerSecond: number };
};

export type JobOf<Kind extends JobKind> = Extract<Job, { kind: Kind }>;
