import type { Signal } from '@fieldline/shared/config';
import type { Value } from '@fieldline/shared/contracts';

export type SignalOf<Kind extends Signal['kind']> = Extract<Signal, { kind: Kind }>;

/** A signal made ready: a pure function of the time in ms since the epoch, fractions allowed. */
export type Sampler = (timeMs: number) => Value;
