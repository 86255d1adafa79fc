import type { Tag } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../../src/journal/journal.ts';
import type { JournalOptions } from '../../../src/journal/options.ts';
import { segmentFiles } from '../../helpers/folder.ts';
import { current } from '../../helpers/journal.ts';
import { afterKill, at, many, noon, open, slow, write } from './remembering.ts';

describe('a tag whose texts tell of several things', () => {
  const alarms: Tag = { device: 'server', tag: 'alarms', type: 'string' };
  const changes: Partial<JournalOptions> = {
    segmentBytes: 40_000,
    subjectOf: ({ tag }, text) => {
      const [name = '', state] = text.split(' ');
      return tag === 'alarms' ? { name, isOver: state === 'over' } : null;
    },
  };
  const standing = (journal: Journal) => journal.standing(alarms).map(({ time, text }) => [time - noon, text]);
  const long = `tank ${'x'.repeat(300)}`;

  it('has the last text of each that is not over, after kills and when their files are gone', () => {
    const folder = temporaryFolder();
    const journal = open(folder, changes);
    write(journal, at(alarms, 1, 'pump hot'), at(alarms, 2, 'valve stuck'), at(alarms, 3, long));
    for (let round = 1; segmentFiles(folder).length < 3; round++) write(journal, ...many(1_000, round * 1_000));
    const { stream, last } = current(journal);
    journal.confirm(stream, [[1, last]]);
    write(journal, at(alarms, 4, 'valve over'), at(alarms, 5, 'pump hotter'));
    const known = [
      [5, 'pump hotter'],
      [3, long],
    ];
    expect(standing(journal)).toEqual(known);
    const next = afterKill(folder, changes);
    expect(standing(next)).toEqual(known);
    expect(next.lastKept(alarms)).toMatchObject({ time: noon + 5, value: 'pump hotter' });
    expect(next.standing(slow)).toEqual([]);
    next.close();
    journal.close();
  });

  it('has nothing of those whose batch is lost and declared', () => {
    const folder = temporaryFolder();
    const bounds = { ...changes, maxBytes: 200_000 };
    const journal = open(folder, bounds);
    write(journal, at(alarms, 1, 'pump hot'));
    for (let round = 1; standing(journal).length > 0 && round < 500; round++)
      write(journal, ...many(100, round * 1_000));
    expect(current(journal).held[0]?.[0]).toBeGreaterThan(2);
    write(journal, at(alarms, 2, 'valve stuck'));
    const next = afterKill(folder, bounds);
    expect(standing(next)).toEqual([[2, 'valve stuck']]);
    next.close();
    journal.close();
  });
});
