import { countOf } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { segmentFiles } from '../helpers/folder.ts';
import { allBatches, current, handClock, openJournal, samplesOf } from '../helpers/journal.ts';

describe('confirmations', () => {
  it('delete whole files, and never the one that is written', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes: 100_000 });
    for (let round = 0; round < 100; round++) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
    }
    const { stream, last } = current(journal);
    const files = segmentFiles(folder).length;
    expect(files).toBeGreaterThan(3);
    journal.confirm(stream, [[1, last - 1]]);
    journal.flush();
    expect(segmentFiles(folder)).toHaveLength(1);
    expect(journal.unconfirmed()).toEqual({ batches: 1, samples: 1_000 });
    journal.close();
  });

  it('keep confirmed batches as long as the settings say', () => {
    const clock = handClock();
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes: 100_000, keepConfirmedForMs: 60_000, clock });
    for (let round = 0; round < 30; round++) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
    }
    const { stream, last } = current(journal);
    journal.confirm(stream, [[1, last]]);
    journal.flush();
    expect(countOf(current(journal).held)).toBe(last);
    clock.advanceMs(59_000);
    journal.flush();
    expect(countOf(current(journal).held)).toBe(last);
    clock.advanceMs(2_000);
    journal.flush();
    expect(segmentFiles(folder)).toHaveLength(1);
    expect(journal.unconfirmed()).toEqual({ batches: 0, samples: 0 });
    journal.close();
  });

  it('survive an orderly end, with the database that gave them', () => {
    const folder = temporaryFolder();
    const before = openJournal(folder);
    before.record(samplesOf(3), 0);
    before.flush();
    before.record(samplesOf(4), 0);
    before.flush();
    const { stream } = current(before);
    before.setIncarnation('database-1');
    before.confirm(stream, [[2, 2]]);
    before.close();
    const after = openJournal(folder);
    expect(after.incarnation).toBe('database-1');
    expect(after.streams()[0]).toMatchObject({ stream, last: 3, held: [[1, 3]], confirmed: [[2, 2]] });
    expect(after.unconfirmed()).toEqual({ batches: 3, samples: 4 });
    after.doubt(stream, [[1, 3]]);
    expect(after.unconfirmed()).toEqual({ batches: 4, samples: 7 });
    after.close();
  });
});

describe('the bound of the folder', () => {
  it('drops the oldest file and declares what it held, before the file is gone', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes: 100_000, maxBytes: 500_000 });
    const flushed = new Map<number, number>();
    for (let round = 0; round < 300; round++) {
      journal.record(samplesOf(1_000), 0);
      for (const { seq, samples } of journal.flush()) flushed.set(seq, samples);
    }
    const { stream, held, last } = current(journal);
    const lowest = held[0]?.[0] ?? 0;
    expect(lowest).toBeGreaterThan(10);
    expect(held).toEqual([[lowest, last]]);
    const declared = allBatches(journal).flatMap((batch) => batch.declared);
    const lost = [...flushed].filter(([seq]) => seq < lowest).reduce((sum, [, samples]) => sum + samples, 0);
    expect(declared.reduce((sum, { samples }) => sum + (samples ?? 0), 0)).toBe(lost);
    const covered = new Set(
      declared.flatMap((one) =>
        one.kind === 'batches' ? Array.from({ length: one.to - one.from + 1 }, (_, n) => one.from + n) : [],
      ),
    );
    expect([...covered].sort((a, b) => a - b)).toEqual(Array.from({ length: lowest - 1 }, (_, n) => n + 1));
    expect(new Set(declared.map(({ reason }) => reason))).toEqual(new Set(['disk-bound']));
    expect(declared.every((one) => one.kind === 'batches' && one.stream === stream)).toBe(true);
    journal.close();
  });

  it('gives up confirmed files first, at no loss', () => {
    const journal = openJournal(temporaryFolder(), {
      segmentBytes: 100_000,
      maxBytes: 500_000,
      keepConfirmedForMs: 3_600_000,
    });
    for (let round = 0; round < 100; round++) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
      const { stream, last } = current(journal);
      journal.confirm(stream, [[1, last]]);
    }
    expect(allBatches(journal).flatMap(({ declared }) => declared)).toEqual([]);
    expect(current(journal).held[0]?.[0]).toBeGreaterThan(10);
    journal.close();
  });
});
