/** A stream, a chain and segments for each class of tags: what must go is the oldest of the lowest class. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  addRange,
  countOf,
  type Declaration,
  type Ranges,
  subtractRanges,
  type TagClass,
} from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { imageOf, segmentFiles } from '../helpers/folder.ts';
import { allBatches, decoded, handClock, openJournal, samplesOf } from '../helpers/journal.ts';

const classes = ['process', 'debug', 'alarm'] as const;

const write = (journal: Journal, tagClass: TagClass, samples: number) => {
  journal.record(samplesOf(samples), 0, tagClass);
  return journal.flush();
};

const newest = (journal: Journal, tagClass: TagClass) => {
  const found = journal.streams().findLast((stream) => stream.class === tagClass);
  if (found === undefined) throw new Error(`no stream of class ${tagClass}`);
  return found;
};

const declaredIn = (journal: Journal): readonly Declaration[] =>
  allBatches(journal).flatMap(({ declared }) => declared);

describe('classes of tags', () => {
  it('have streams of their own, which name the one before of their class', () => {
    const folder = temporaryFolder();
    const before = openJournal(folder, { classes });
    write(before, 'alarm', 3);
    write(before, 'process', 2);
    write(before, 'alarm', 1);
    const ends = classes.map((tagClass) => newest(before, tagClass));
    expect(ends.map(({ last }) => last)).toEqual([2, 1, 3]);
    before.close();
    const after = openJournal(folder, { classes });
    const firsts = classes.map((tagClass) =>
      decoded(after.read(newest(after, tagClass).stream, 1)?.bytes ?? Buffer.of()),
    );
    expect(firsts.map(({ previous }) => previous)).toEqual(ends.map(({ stream, last }) => ({ stream, lastSeq: last })));
    expect(firsts.map((first) => first.class)).toEqual([undefined, 'debug', 'alarm']);
    expect(declaredIn(after)).toEqual([]);
    after.close();
  });

  it('count what was read each for itself', () => {
    const journal = openJournal(temporaryFolder(), { classes });
    journal.record(samplesOf(3), 4, 'alarm');
    journal.record(samplesOf(5), 6, 'process');
    journal.record([], 7, 'debug');
    journal.finish();
    const counts = classes.map((tagClass) =>
      allBatches(journal).findLast((batch) => (batch.class ?? 'process') === tagClass),
    );
    expect(counts.map((batch) => [batch?.read, batch?.filtered])).toEqual([
      [11, 6],
      [7, 7],
      [7, 4],
    ]);
    journal.close();
  });

  it('a kill is declared once, since the last batch of any of them', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { classes });
    write(journal, 'process', 2);
    write(journal, 'alarm', 2);
    const copy = temporaryFolder();
    cpSync(folder, copy, { recursive: true });
    journal.close();
    const next = openJournal(copy, { classes });
    expect(declaredIn(next).map(({ reason }) => reason)).toEqual(['restart']);
    next.close();
  });

  it('the file of one that is deleted while the agent is off is declared for the whole time that nobody knows of', () => {
    const folder = temporaryFolder();
    const clock = handClock();
    const boot = { id: 'boot', micros: () => clock.monotonicMs() * 1_000 };
    const journal = openJournal(folder, { classes, clock, boot });
    const begunAt = clock.now();
    for (let flush = 0; flush < 20; flush++) {
      clock.advanceMs(1_000);
      write(journal, 'process', 5);
    }
    write(journal, 'alarm', 1);
    const image = imageOf(folder);
    journal.close();
    for (const file of segmentFiles(image)) if (!/debug|alarm/.test(file)) rmSync(join(image, file));
    clock.advanceMs(5_000);
    const next = openJournal(image, { classes, clock, boot });
    const [restart] = declaredIn(next).filter(({ reason }) => reason === 'restart');
    expect(restart).toMatchObject({ from: begunAt, to: clock.now() });
    next.close();
  });

  it('that are no longer in use are sent and named no more', () => {
    const folder = temporaryFolder();
    const before = openJournal(folder, { classes });
    write(before, 'alarm', 3);
    before.close();
    const after = openJournal(folder);
    expect(after.streams().map((stream) => stream.class)).toEqual([...classes, 'process']);
    expect(after.read(newest(after, 'alarm').stream, 2)?.samples).toBe(3);
    after.close();
  });
});

describe('a full journal', () => {
  const bounded = { classes, maxBytes: 1024 ** 2, segmentBytes: 64 * 1024 };

  it('drops the oldest of the lowest class, alarms last, and declares what went', () => {
    const journal = openJournal(temporaryFolder(), bounded);
    const lost = (tagClass: TagClass): Ranges => {
      const { held, last } = newest(journal, tagClass);
      return subtractRanges([[1, last]], held);
    };
    const fill = (tagClass: TagClass, until: () => boolean): void => {
      for (let flush = 0; !until(); flush++) {
        if (flush === 1_000) throw new Error(`${tagClass} does not fill the journal`);
        write(journal, tagClass, 300);
      }
    };
    write(journal, 'alarm', 10);
    fill('process', () => newest(journal, 'process').last > 20);
    fill('debug', () => lost('debug').length > 0);
    expect([lost('process'), lost('alarm')]).toEqual([[], []]);
    // More process data than room: debug goes but for what is being written, then the oldest process data.
    fill('process', () => lost('process').length > 0);
    expect(lost('process')[0]?.[0]).toBe(1);
    expect(countOf(newest(journal, 'debug').held)).toBeLessThan(20);
    fill('alarm', () => lost('alarm').length > 0);
    expect(lost('alarm')[0]?.[0]).toBe(1);
    // Nothing but what is being written is left of the others.
    expect(countOf(newest(journal, 'process').held)).toBeLessThan(30);
    const declared = declaredIn(journal);
    for (const tagClass of classes) {
      const { stream } = newest(journal, tagClass);
      const ranges = declared.reduce<Ranges>(
        (sum, one) => (one.kind === 'batches' && one.stream === stream ? addRange(sum, one.from, one.to) : sum),
        [],
      );
      expect(ranges).toEqual(lost(tagClass));
    }
    journal.close();
  });
});

describe('while the disk takes nothing', () => {
  it('memory drops the oldest of the lowest class, alarms last, and each class goes back to a file of its own', () => {
    const folder = join(temporaryFolder(), 'journal');
    writeFileSync(folder, 'in the way');
    const clock = handClock();
    const journal = openJournal(folder, { clock, classes, memoryBytes: 20_000 });
    const volatileOf = new Map<TagClass, string>(
      classes.map((tagClass) => [tagClass, write(journal, tagClass, 100)[0]?.stream ?? '']),
    );
    const held = (tagClass: TagClass): number =>
      countOf(journal.streams().find(({ stream }) => stream === volatileOf.get(tagClass))?.held ?? []);
    for (let flush = 0; held('debug') > 0; flush++) {
      if (flush === 1_000) throw new Error('memory has no bound');
      write(journal, 'process', 100);
    }
    expect(held('process')).toBeGreaterThan(5);
    for (let flush = 0; flush < 20; flush++) write(journal, 'process', 100);
    expect(held('alarm')).toBe(1);
    rmSync(folder);
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toBeNull();
    journal.close();
    const after = openJournal(folder, { classes });
    expect(decoded(after.read(volatileOf.get('alarm') ?? '', 1)?.bytes ?? Buffer.of())).toMatchObject({
      class: 'alarm',
      volatile: true,
    });
    after.close();
  });
});
