import { randomAt } from './random.ts';
import type { Sampler, SignalOf } from './sampler.ts';

/**
 * Looks like a random walk, and can be computed at any time: it is not the sum of the steps before (that would have to be
 * replayed from the first), but a sum of value noises. Each is twice as slow and √2 times as strong as the one before, as
 * the spread of a walk grows with the root of time, until one spans the whole range. The sum is folded back at `minimum`
 * and `maximum` as by mirrors.
 *
 * What a test may count on: minimum ≤ value ≤ maximum, and two neighbouring steps differ by at most `step`. What a true walk
 * has and this has not: it is not at `start` at any given time; `start` only shifts the middle.
 */
export const randomWalk = (signal: SignalOf<'random-walk'>, seed: number): Sampler => {
  const { start, step, minimum, maximum, stepMs } = signal;
  const octaves = octavesOf(step, maximum - minimum);
  return (timeMs) => {
    const index = Math.floor(timeMs / stepMs);
    let sum = start;
    for (let octave = 0; octave < octaves.length; octave++) {
      const { amplitude, length } = octaves[octave] as Octave;
      const knot = Math.floor(index / length);
      const here = randomAt(seed, octave, knot);
      const next = randomAt(seed, octave, knot + 1);
      sum += amplitude * (2 * (here + (next - here) * (index / length - knot)) - 1);
    }
    return mirrored(sum, minimum, maximum);
  };
};

type Octave = { readonly amplitude: number; readonly length: number };

/** An octave moves by at most 2 × amplitude ÷ length a step; over all octaves the first factor makes that sum to `step`. */
function octavesOf(step: number, range: number): Octave[] {
  const octaves: Octave[] = [];
  let amplitude = (step * (1 - Math.SQRT1_2)) / 2;
  for (let length = 1; length < 2 ** 40; length *= 2) {
    octaves.push({ amplitude, length });
    if (amplitude >= range) break;
    amplitude *= Math.SQRT2;
  }
  return octaves;
}

function mirrored(value: number, minimum: number, maximum: number): number {
  const range = maximum - minimum;
  if (range <= 0) return minimum;
  const way = (((value - minimum) % (2 * range)) + 2 * range) % (2 * range);
  return Math.min(maximum, Math.max(minimum, way <= range ? minimum + way : maximum - (way - range)));
}
