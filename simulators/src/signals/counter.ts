import type { Sampler, SignalOf } from './sampler.ts';

/** Counts since a fixed date, exactly: a bigint of any size; the type of the point decides where it wraps. */
export const counter = ({ start, perStep, stepMs, since }: SignalOf<'counter'>): Sampler => {
  const first = BigInt(start);
  const each = BigInt(perStep);
  const sinceMs = Date.parse(since);
  return (timeMs) => first + each * BigInt(Math.floor((timeMs - sinceMs) / stepMs));
};
