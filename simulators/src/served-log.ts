/**
 * The served log: JSON lines {time, device, point, value}, appended. 64-bit integers, and floats that JSON has no number
 * for, are texts. Lines wait at most `flushMs` in memory, and are then written in one call, so that the log of a simulator
 * that is killed ends at a line and lacks no more than that.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { FieldlineError } from '@fieldline/shared/contracts';
import type { OnServed, Served } from './served.ts';

const flushMs = 100;
const maxWaitingChars = 1_000_000;

export type ServedLog = { readonly write: OnServed; readonly close: () => void };

/** @throws FieldlineError settings/unreadable */
export function openServedLog(file: string): ServedLog {
  const descriptor = open(file);
  let lines = '';
  const flush = (): void => {
    if (lines === '') return;
    const bytes = Buffer.from(lines);
    lines = '';
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
  };
  const timer = setInterval(flush, flushMs);
  timer.unref();
  let isOpen = true;
  return {
    write: (served) => {
      for (const one of served) lines += lineOf(one);
      if (lines.length > maxWaitingChars) flush();
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      clearInterval(timer);
      flush();
      closeSync(descriptor);
    },
  };
}

function open(file: string): number {
  try {
    return openSync(file, 'a');
  } catch (error) {
    throw new FieldlineError('settings/unreadable', `servedLog: cannot write ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

const lineOf = ({ time, device, point, value }: Served): string => {
  const isPlain = typeof value !== 'bigint' && (typeof value !== 'number' || Number.isFinite(value));
  return `{"time":${time},"device":"${device}","point":"${point}","value":${JSON.stringify(isPlain ? value : String(value))}}\n`;
};
