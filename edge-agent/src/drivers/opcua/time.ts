import type { Micros } from '@fieldline/shared/contracts';

/**
 * Microseconds of an OPC UA time. The library gives milliseconds in a Date and the rest in picoseconds. null for none: servers
 * send the year 1601 for it.
 */
export function microsOf(date: Date | null, picoseconds: number): Micros | null {
  const milliseconds = date === null ? 0 : date.getTime();
  return milliseconds > 0 ? milliseconds * 1_000 + Math.floor(picoseconds / 1_000_000) : null;
}

/** As ISO 8601 has it, with three digits more than a Date knows where they are not zero. */
export function isoOf(micros: Micros): string {
  const iso = new Date(Math.floor(micros / 1_000)).toISOString();
  const rest = ((micros % 1_000) + 1_000) % 1_000;
  return rest === 0 ? iso : iso.replace('Z', `${String(rest).padStart(3, '0')}Z`);
}
