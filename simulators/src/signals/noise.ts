import { randomAt } from './random.ts';
import type { Sampler, SignalOf } from './sampler.ts';

/** Beyond this many standard deviations (one value in 16,000) the noise is cut off, so that it is bounded. */
const cutOff = 4;

/** Normally distributed about `mean` (Box–Muller), a new value every `stepMs`, independent of the one before. */
export const noise = ({ mean, deviation, stepMs }: SignalOf<'noise'>, seed: number): Sampler => {
  return (timeMs) => {
    const step = Math.floor(timeMs / stepMs);
    const radius = Math.sqrt(-2 * Math.log(1 - randomAt(seed, 0, step)));
    const normal = radius * Math.cos(2 * Math.PI * randomAt(seed, 1, step));
    return mean + deviation * Math.max(-cutOff, Math.min(cutOff, normal));
  };
};
