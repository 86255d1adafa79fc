import { type Logger, pino } from 'pino';

export type Log = Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** JSON lines on standard output, as service managers and container engines collect them. */
export const createLog = (program: string, level: LogLevel): Log =>
  pino({
    level,
    base: { program },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });

/** For tests and tools that print for people themselves. */
export const silentLog: Log = pino({ level: 'silent' });
