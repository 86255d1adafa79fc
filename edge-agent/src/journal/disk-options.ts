import type { Survives } from './segment.ts';

export type DiskOptions = {
  readonly folder: string;
  readonly gateway: string;
  readonly survives: Survives;
  readonly segmentBytes: number;
  /** From its first batch to its last at most, by the clock on the wall: what is dropped by age goes in whole segments. */
  readonly segmentMs?: number;
  /** How long a start may look into damaged files: what is left then waits until the agent runs. 500 unless set. */
  readonly startSalvageMs?: number;
};
