/** With `survives: power-cut` whatever is flushed is forced to the medium; a kill cannot show that, so the calls are counted. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { systemClock } from '@fieldline/shared/runtime';
import { temporaryFolder } from '@fieldline/shared/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { Recorder } from '../../src/journal/recorder.ts';
import { systemBoot } from '../../src/journal/undated/boot.ts';
import { journalOptions, samplesOf } from '../helpers/journal.ts';

let forced = 0;
const { fdatasync, fdatasyncSync } = fs;
fs.fdatasyncSync = (descriptor) => {
  forced += 1;
  fdatasyncSync(descriptor);
};
fs.fdatasync = ((descriptor, done) => {
  forced += 1;
  fdatasync(descriptor, done);
}) as typeof fs.fdatasync;
syncBuiltinESMExports();
afterAll(() => {
  Object.assign(fs, { fdatasync, fdatasyncSync });
  syncBuiltinESMExports();
});

const unsetClock = { ...systemClock, now: () => Math.round(systemClock.monotonicMs() * 1_000) };

async function forcedIn(survives: 'power-cut' | 'process-crash', clock: typeof systemClock): Promise<number[]> {
  const recorder = Recorder.open({ ...journalOptions(temporaryFolder()), survives, clock, boot: systemBoot() });
  const counts: number[] = [];
  for (let flush = 0; flush < 3; flush++) {
    const before = forced;
    recorder.record(samplesOf(3), 0, 'process');
    await recorder.flush();
    counts.push(forced - before);
  }
  recorder.close();
  return counts;
}

describe.each([
  ['the journal', systemClock],
  ['samples that wait for the time', unsetClock],
])('a flush of %s', (_, clock) => {
  it('is forced where it shall survive a power cut', async () => {
    const [, ...later] = await forcedIn('power-cut', clock);
    expect(later).toEqual([1, 1]);
  });

  it('is not where a crash of the process is all it shall survive', async () => {
    const [, ...later] = await forcedIn('process-crash', clock);
    expect(later).toEqual([0, 0]);
  });
});
