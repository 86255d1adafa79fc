import type { Sampler, SignalOf } from './sampler.ts';

/** How far into its period a time lies, 0 ≤ x < 1; all periods begin at the Unix epoch. */
const phaseAt = (timeMs: number, periodMs: number): number => {
  const turns = timeMs / periodMs;
  return turns - Math.floor(turns);
};

export const constant = ({ value }: SignalOf<'constant'>): Sampler => {
  return () => value;
};

/** A saw tooth: from `from` up or down to `to`, then back at once. */
export const ramp = ({ from, to, periodMs }: SignalOf<'ramp'>): Sampler => {
  return (timeMs) => from + (to - from) * phaseAt(timeMs, periodMs);
};

export const sine = ({ mean, amplitude, periodMs, phase }: SignalOf<'sine'>): Sampler => {
  return (timeMs) => mean + amplitude * Math.sin(2 * Math.PI * (phaseAt(timeMs, periodMs) + phase));
};

/** High for the first `duty` of each period. */
export const square = ({ low, high, periodMs, duty }: SignalOf<'square'>): Sampler => {
  return (timeMs) => (phaseAt(timeMs, periodMs) < duty ? high : low);
};
