/** Instants between text and integer µs since 1970 UTC, without losing the microseconds as Date does. */
import type { Micros } from './sample.ts';

const isoPattern = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+ -]\d{2}:?\d{2}))?$/i;
const microsPattern = /^-?\d{1,16}$/;

/**
 * null for what is no instant. A time without a zone is refused: it would mean something else on another machine. A blank
 * before the zone is the plus sign that a URL has lost.
 */
export function microsOf(text: string): Micros | null {
  if (microsPattern.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : null;
  const match = isoPattern.exec(text);
  if (match === null) return null;
  const [, day, minutes = '00:00', seconds = '00', fraction = '', zone = 'Z'] = match;
  const wholeMs = Date.parse(`${day}T${minutes}:${seconds}${zone.toUpperCase().replace(' ', '+')}`);
  if (Number.isNaN(wholeMs)) return null;
  // Date.parse takes 30 February for 2 March.
  if (!new Date(`${day}T00:00Z`).toISOString().startsWith(`${day}T`)) return null;
  return wholeMs * 1_000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

/** ISO 8601 in UTC with all six digits: `2026-03-01T12:00:00.123456Z`. */
export function isoOf(micros: Micros): string {
  const ms = Math.floor(micros / 1_000);
  const rest = micros - ms * 1_000;
  return new Date(ms).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`);
}
