/** What a lost batch had declared itself is declared again. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Declaration } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { damage } from '../helpers/damage.ts';
import { imageOf, segmentFiles } from '../helpers/folder.ts';
import { allBatches, current, handClock, openJournal, samplesOf } from '../helpers/journal.ts';

const lost: Declaration = {
  kind: 'series',
  device: 'plc1',
  tag: null,
  from: 1_790_000_000_000_000,
  to: 1_790_000_007_000_000,
  samples: 12,
  reason: 'source-overflow',
};

/** Four files, the first of which declares a loss. */
function written() {
  const [folder, clock] = [temporaryFolder(), handClock()];
  const journal = openJournal(folder, { clock, segmentBytes: 20_000 });
  journal.declare(lost);
  while (segmentFiles(folder).length < 4) {
    journal.record(samplesOf(1_000), 0);
    journal.flush();
  }
  return { folder, clock, journal, first: join(folder, segmentFiles(folder)[0] ?? ''), ...current(journal) };
}

const openAgain = (folder: string, clock: ReturnType<typeof handClock>): Journal =>
  openJournal(folder, { clock, segmentBytes: 20_000 });
const seriesIn = (journal: Journal): Declaration[] =>
  allBatches(journal).flatMap(({ declared }) => declared.filter(({ reason }) => reason === lost.reason));

describe('a loss that was declared in a file', () => {
  it('which is deleted while no agent runs is declared again, once', () => {
    const { folder, clock, journal, first } = written();
    expect(seriesIn(journal)).toEqual([lost]);
    journal.close();
    rmSync(first);
    for (let start = 0; start < 2; start++) {
      const after = openAgain(folder, clock);
      expect(seriesIn(after)).toEqual([lost]);
      after.close();
    }
  });

  it('which is deleted, and deleted again when it was declared anew, is known to the note of each opening', () => {
    const { folder, clock, journal, first } = written();
    journal.close();
    rmSync(first);
    const second = openAgain(folder, clock);
    while (current(second).last < 8) {
      second.record(samplesOf(1_000), 0);
      second.flush();
    }
    const { stream } = current(second);
    second.close();
    rmSync(join(folder, segmentFiles(folder).find((file) => file.includes(`${stream}.1.`)) ?? ''));
    const third = openAgain(folder, clock);
    expect(seriesIn(third)).toEqual([lost]);
    third.close();
  });

  it('which is deleted while the agent runs is declared again', () => {
    const { folder, clock, journal, first, stream } = written();
    const image = imageOf(folder);
    journal.close();
    const after = openAgain(image, clock);
    rmSync(join(image, first.slice(folder.length + 1)));
    after.read(stream, 1);
    after.flush();
    expect(seriesIn(after)).toEqual([lost]);
    after.close();
  });

  it('of which nothing can be proven any more is declared again', () => {
    const { folder, clock, journal, first } = written();
    journal.close();
    damage(first, { do: 'zero', at: 0, pages: 1_000 });
    const after = openAgain(folder, clock);
    expect(seriesIn(after)).toEqual([lost]);
    after.close();
  });

  it('and confirmed is not declared again', () => {
    const { folder, clock, journal, first, stream } = written();
    journal.confirm(stream, [[1, 2]]);
    journal.close();
    rmSync(first);
    const after = openAgain(folder, clock);
    expect(seriesIn(after)).toEqual([]);
    after.close();
  });
});
