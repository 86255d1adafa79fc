/** What is lost beside, or in, a segment that was thinned is counted like any other, or not at all. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Declaration, DecodedBatch } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { verifyJournal } from '../../../src/commands/journal/verify.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import { damage } from '../../helpers/damage.ts';
import { imageOf, segmentFiles } from '../../helpers/folder.ts';
import { allBatches, decoded, openJournal } from '../../helpers/journal.ts';
import {
  batchesOf,
  beginThinning,
  loadSegment,
  numberTags,
  plant,
  run,
  samplesIn,
  writeJournal,
} from '../../helpers/thinning.ts';

const flushes = 160;
const tags = [...numberTags('plc1', 10), ...numberTags('plc2', 4)];
const recorded = flushes * tags.length;

/** Some files of one stream. */
function written(): string {
  const folder = temporaryFolder();
  writeJournal(folder, plant(tags, flushes), { segmentBytes: 40_000 });
  expect(segmentFiles(folder).length).toBeGreaterThanOrEqual(4);
  return folder;
}

async function thin(folder: string, index: number): Promise<void> {
  const segment = loadSegment(folder, index);
  const thinToMs = (device: string, tag: string): number | null =>
    device === 'plc2' && tag === 'tag-0' ? null : 5_000;
  const job = beginThinning({ segment, thinToMs });
  expect((await run(job)).state).toBe('done');
  expect(job.finish()).toBe(true);
  segment.close();
}

const damagedIn = (batches: readonly DecodedBatch[]): Declaration[] =>
  batches.flatMap(({ declared }) => declared.filter(({ reason }) => reason === 'journal-damaged'));

describe('a file that is lost', () => {
  it.each([
    ['itself was thinned', [1]],
    ['the file before it was thinned', [0]],
    ['the file after it was thinned', [2]],
    ['all were thinned', [0, 1, 2, 3]],
  ])('is declared with all that it had been given: %s', async (_which, thinned) => {
    const folder = written();
    const lost = batchesOf(loadSegment(folder, 1)).flatMap(samplesIn).length;
    for (const index of thinned) await thin(folder, index);
    expect((await verifyJournal({ folder, settings: null })).troubles).toEqual([]);
    rmSync(join(folder, segmentFiles(folder)[1] ?? ''));
    const journal = openJournal(folder);
    const batches = allBatches(journal);
    expect(damagedIn(batches)).toMatchObject([{ kind: 'batches', samples: lost }]);
    expect(accounted(batches)).toBe(recorded);
    journal.close();
  });
});

describe('a thinned file that is damaged', () => {
  it('closes the balance wherever the damage is, or says that the number is not known', async () => {
    const folder = written();
    for (const index of [0, 1, 2]) await thin(folder, index);
    let [lost, unknown] = [0, 0];
    const places = Array.from({ length: 24 }, (_, index) => index / 24);
    for (const at of places) {
      const image = imageOf(folder);
      damage(join(image, segmentFiles(image)[1] ?? ''), { do: 'zero', at, pages: 2 });
      const journal = openJournal(image);
      readAll(journal);
      journal.flush();
      const batches = readAll(journal);
      const declared = damagedIn(batches);
      if (declared.length > 0) lost += 1;
      if (declared.some(({ samples }) => samples === null)) unknown += 1;
      else expect(accounted(batches)).toBe(recorded);
      journal.close();
    }
    expect(lost).toBeGreaterThan(places.length / 2);
    expect(unknown).toBeLessThan(places.length / 4);
  });
});

/** What can be read: damage is met and declared by that. */
const readAll = (journal: Journal): DecodedBatch[] =>
  journal
    .streams()
    .flatMap(({ stream, held }) =>
      held.flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, index) => journal.read(stream, from + index)).flatMap((batch) =>
          batch === null ? [] : [decoded(batch.bytes)],
        ),
      ),
    );

/** In batches, or declared. */
const accounted = (batches: readonly DecodedBatch[]): number =>
  batches.reduce(
    (sum, { sent, declared }) => declared.reduce((more, { samples }) => more + (samples ?? 0), sum + sent),
    0,
  );
