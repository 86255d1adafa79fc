import type { Log } from '@fieldline/shared/runtime';
import { pino } from 'pino';

export type LogLine = {
  level: string;
  msg: string;
  code?: string;
  mqtt?: string;
  broker?: string;
  afterMs?: number;
  err?: unknown;
};

/** A log whose lines can be looked at. */
export function listeningLog(): { readonly lines: LogLine[]; readonly log: Log } {
  const lines: LogLine[] = [];
  const log = pino(
    { formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  return { lines, log };
}
