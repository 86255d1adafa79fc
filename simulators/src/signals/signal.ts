import type { Signal } from '@fieldline/shared/config';
import type { Value } from '@fieldline/shared/contracts';
import { counter } from './counter.ts';
import { noise } from './noise.ts';
import { randomWalk } from './random-walk.ts';
import { replay } from './replay.ts';
import type { Sampler } from './sampler.ts';
import { constant, ramp, sine, square } from './waves.ts';

/** A signal kind is a line in the schema, a function and its line here; the compiler names what is missing. */
export function samplerOf(signal: Signal, seed: number): Sampler {
  switch (signal.kind) {
    case 'constant':
      return constant(signal);
    case 'ramp':
      return ramp(signal);
    case 'sine':
      return sine(signal);
    case 'square':
      return square(signal);
    case 'noise':
      return noise(signal, seed);
    case 'random-walk':
      return randomWalk(signal, seed);
    case 'counter':
      return counter(signal);
    case 'replay':
      return replay(signal);
  }
}

/**
 * The signal itself, before a point's type, scale and offset are put on it: a bigint from a counter, else as the settings
 * give it. For many instants of one signal, `samplerOf` prepares it once.
 */
export const valueAt = (signal: Signal, seed: number, timeMs: number): Value => samplerOf(signal, seed)(timeMs);
