import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { hidesCommits } from '../../../src/journal/salvage/write-ahead-log.ts';
import { damage } from '../../helpers/damage.ts';
import { imageOf, segmentFiles } from '../../helpers/folder.ts';
import { openJournal, samplesOf } from '../../helpers/journal.ts';

/** The log of a killed agent; after about a megabyte SQLite begins it anew, over what was there. */
function logAfter(flushes: number): string {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { segmentBytes: 64 * 1024 ** 2 });
  for (let flush = 0; flush < flushes; flush++) {
    journal.record(samplesOf(500), 0);
    journal.flush();
  }
  const image = imageOf(folder);
  journal.close();
  return join(image, `${segmentFiles(image)[0]}-wal`);
}

it.each([1, 30, 400])('hides nothing as a kill leaves it, after %i flushes', (flushes) => {
  expect(hidesCommits(logAfter(flushes))).toBe(false);
});

it('hides nothing where its end is cut off, wherever', () => {
  const log = logAfter(10);
  for (let size = statSync(log).size; size > 32; size = Math.floor(size * 0.9)) {
    truncateSync(log, size);
    expect(hidesCommits(log)).toBe(false);
  }
});

it.each([0.0001, 0.01, 0.3, 0.6])('hides what was committed behind a flipped byte (%d)', (at) => {
  const log = logAfter(30);
  damage(log, { do: 'flip', at, bits: 4 });
  expect(hidesCommits(log)).toBe(true);
});

it('hides nothing where it is not there', () => {
  expect(hidesCommits(join(temporaryFolder(), 'none'))).toBe(false);
});
