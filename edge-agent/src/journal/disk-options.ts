import type { TagClass } from '@fieldline/shared/contracts';
import type { Survives } from './segment.ts';
import type { Boot } from './undated/boot.ts';

export type DiskOptions = {
  readonly folder: string;
  readonly gateway: string;
  /** Of the tags that are read; undefined: the default one. */
  readonly classes?: readonly TagClass[];
  readonly survives: Survives;
  readonly segmentBytes: number;
  /** From its first batch to its last at most, by the clock on the wall: what is dropped by age goes in whole segments. */
  readonly segmentMs?: number;
  /** By it one notices that the clock was set back between two processes. */
  readonly boot: Boot;
  /** How long after its own time a sample may be given, and so be lost with what was read after a flush; 0 unless set. */
  readonly lagMs?: number;
  /** How long a start may look into damaged files: what is left then waits until the agent runs. 500 unless set. */
  readonly startSalvageMs?: number;
};
