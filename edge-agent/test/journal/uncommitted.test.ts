/** A kill between the making of a file and its first commit leaves a file that holds nothing: that is no damage. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import { createDatabase } from '../../src/journal/segment-database.ts';
import { segmentFile } from '../../src/journal/segment-name.ts';
import { SpareLog } from '../../src/journal/spare-log.ts';
import { imageOf, segmentFiles } from '../helpers/folder.ts';
import { allBatches, openJournal, samplesOf } from '../helpers/journal.ts';

/** What a kill leaves after two flushes, when the file for another stream was just made. */
function killedWhileBeginning(): { image: string; stream: string; file: string } {
  const folder = temporaryFolder();
  const journal = openJournal(folder);
  journal.record(samplesOf(3), 0);
  journal.flush();
  const stream = journal.streams()[0]?.stream ?? '';
  const file = segmentFile({ number: 2, stream: crypto.randomUUID(), first: 1, class: 'process' });
  const database = createDatabase(join(folder, file), new SpareLog(folder, 0));
  const image = imageOf(folder);
  database.close();
  journal.close();
  return { image, stream, file };
}

it('is no damage, and names nobody', () => {
  const { image, stream, file } = killedWhileBeginning();
  expect(segmentFiles(image)).toContain(file);
  const journal = openJournal(image);
  const [first] = allBatches(journal).filter((batch) => batch.stream !== stream);
  expect(first?.previous).toEqual({ stream, lastSeq: 2 });
  expect(first?.declared.map(({ reason }) => reason)).toEqual(['restart']);
  expect(segmentFiles(image)).not.toContain(file);
  journal.close();
});

it('is damage where its log was deleted, since that may have held batches', () => {
  const { image, file } = killedWhileBeginning();
  rmSync(join(image, `${file}-wal`));
  const journal = openJournal(image);
  const declared = allBatches(journal).flatMap((batch) => batch.declared);
  expect(declared.map(({ reason }) => reason).toSorted()).toEqual(['journal-damaged', 'restart']);
  journal.close();
});
