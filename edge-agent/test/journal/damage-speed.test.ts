import { statSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { damage } from '../helpers/damage.ts';
import { segmentFiles } from '../helpers/folder.ts';
import { current, openJournal, samplesOf } from '../helpers/journal.ts';

const mebibyte = 1024 ** 2;

/** A closed journal with so much in files of this size. */
function written(sizeBytes: number, segmentBytes: number): { readonly folder: string; readonly stream: string } {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { segmentBytes });
  const { stream } = current(journal);
  const size = (): number => segmentFiles(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  while (size() < sizeBytes) {
    journal.record(samplesOf(5_000), 0);
    journal.flush();
  }
  journal.close();
  return { folder, stream };
}

it.each([
  ['in files of 16 MiB', 16 * mebibyte],
  ['in one', 1_024 * mebibyte],
])(
  'a start takes less than 2 s on 64 MB that lost the first page of each file: %s',
  (_how, segmentBytes) => {
    const { folder, stream } = written(64 * mebibyte, segmentBytes);
    const last = openJournal(folder, { segmentBytes });
    const { held } = last.streams()[0] ?? {};
    last.close();
    for (const file of segmentFiles(folder)) damage(join(folder, file), { do: 'zero', at: 0, pages: 1 });
    const begun = performance.now();
    const journal = openJournal(folder, { segmentBytes });
    expect(performance.now() - begun).toBeLessThan(2_000);
    // What the start had no time for is looked into at each flush.
    while (journal.streams().find((each) => each.stream === stream)?.held[0]?.[0] !== 1) journal.flush();
    expect(journal.streams().find((each) => each.stream === stream)?.held).toEqual(held);
    journal.close();
  },
  60_000,
);
