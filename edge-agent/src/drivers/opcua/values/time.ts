import type { Micros } from '@fieldline/shared/contracts';

/**
 * Microseconds of an OPC UA time. The library gives milliseconds in a Date and the rest in picoseconds. null for none: servers
 * send the year 1601 for it.
 */
export function microsOf(date: Date | null, picoseconds: number): Micros | null {
  const milliseconds = date === null ? 0 : date.getTime();
  return milliseconds > 0 ? milliseconds * 1_000 + Math.floor(picoseconds / 1_000_000) : null;
}

const none = Date.UTC(1601, 0, 1);

/** What is not earlier stands for the latest time there is (OPC 10000-6 5.2.2.5); servers send the largest Int64 for it. */
const latest = Date.UTC(9999, 11, 31, 23, 59, 59);

/** A date that is a value: any since 1601, to the microsecond. null for none. */
export function instantOf(value: unknown): bigint | null {
  if (!(value instanceof Date) || !(value.getTime() > none)) return null;
  if (value.getTime() >= latest) return BigInt(latest) * 1_000n;
  // The library keeps what is finer than a millisecond on the Date itself.
  const picoseconds = Number(Reflect.get(value, 'picoseconds') ?? 0);
  return BigInt(value.getTime()) * 1_000n + BigInt(Math.floor(picoseconds / 1_000_000));
}

/** As ISO 8601 has it, with three digits more than a Date knows where they are not zero. */
export function isoOf(instant: bigint): string {
  const rest = ((instant % 1_000n) + 1_000n) % 1_000n;
  const iso = new Date(Number((instant - rest) / 1_000n)).toISOString();
  return rest === 0n ? iso : iso.replace('Z', `${String(rest).padStart(3, '0')}Z`);
}
