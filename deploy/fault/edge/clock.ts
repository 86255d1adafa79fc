/**
 * The wall clock of one process, which can be set: libfaketime stands between the process and the system and adds what a
 * file says. The monotonic clock stays as it is, as it does when somebody sets the clock of a machine.
 */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Requirement } from '@fieldline/shared/testing/describe-with';

export type ProcessClock = {
  /** For the process. */
  readonly env: Readonly<Record<string, string>>;
  /** The process sees it within a second. */
  readonly set: (offsetMs: number) => void;
  /** Each offset that the process may have seen in that time, both ends in ms since 1970. */
  readonly offsetsWithin: (fromMs: number, toMs: number) => readonly number[];
  /** When it may have been what the process took for that time; both in ms since 1970. */
  readonly timesOf: (seenMs: number) => readonly number[];
};

/** libfaketime looks into its file once a second; a busy machine may be late. */
const seenWithinMs = 2_500;

function library(): string | null {
  const name = 'faketime/libfaketimeMT.so.1';
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib').map((folder) => join('/usr/lib', folder)) : [];
  return ['/usr/lib', ...folders].map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? null;
}

export const settableClock: Requirement = {
  name: 'faketime',
  get skipReason() {
    return library() === null ? 'no libfaketime: install the Debian package faketime' : null;
  },
};

/** The clock of a process that nobody sets. */
export const systemsClock: ProcessClock = {
  env: {},
  set: () => {
    throw new Error('the clock of this process cannot be set');
  },
  offsetsWithin: () => [0],
  timesOf: (seenMs) => [seenMs],
};

export function createProcessClock(folder: string): ProcessClock {
  const file = join(folder, 'clock');
  const steps: { readonly atMs: number; readonly offsetMs: number }[] = [];
  const set = (offsetMs: number): void => {
    steps.push({ atMs: steps.length === 0 ? 0 : Date.now(), offsetMs });
    writeFileSync(`${file}.next`, `${offsetMs < 0 ? '' : '+'}${offsetMs / 1_000}\n`);
    renameSync(`${file}.next`, file);
  };
  const inForce = () =>
    steps.map(({ atMs, offsetMs }, index) => {
      const nextMs = steps[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
      return { sinceMs: atMs, untilMs: nextMs + seenWithinMs, offsetMs };
    });
  set(0);
  return {
    env: {
      LD_PRELOAD: library() ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // Times of files are those of the machine.
      NO_FAKE_STAT: '1',
    },
    set,
    offsetsWithin: (fromMs, toMs) =>
      inForce()
        .filter(({ sinceMs, untilMs }) => sinceMs <= toMs && untilMs >= fromMs)
        .map(({ offsetMs }) => offsetMs),
    timesOf: (seenMs) =>
      inForce()
        .filter(({ sinceMs, untilMs, offsetMs }) => seenMs - offsetMs >= sinceMs && seenMs - offsetMs <= untilMs)
        .map(({ offsetMs }) => seenMs - offsetMs),
  };
}
