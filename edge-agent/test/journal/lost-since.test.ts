/** Since when a start declares samples as lost: never after one that may be, and no earlier than can be proven. */
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Declaration, TagClass } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { type Damage, damage } from '../helpers/damage.ts';
import { imageOf, segmentFiles } from '../helpers/folder.ts';
import {
  allBatches,
  current,
  decoded,
  journalOptions,
  openJournal,
  runningClock,
  samplesOf,
} from '../helpers/journal.ts';

type Flushed = { readonly seq: number; readonly at: number };
type Killed = {
  readonly image: string;
  readonly clock: ReturnType<typeof runningClock>;
  readonly classes: readonly TagClass[];
  readonly flushed: ReadonlyMap<TagClass, readonly Flushed[]>;
  /** When each flush began. */
  readonly flushes: readonly number[];
};

/** The folder of an agent that is killed after twelve flushes, a second apart; `news`: which classes have samples in a flush. */
function killed(classes: readonly TagClass[], news: (flush: number) => readonly TagClass[]): Killed {
  const [folder, clock] = [temporaryFolder(), runningClock()];
  const journal = openJournal(folder, { clock, classes });
  const flushed = new Map<TagClass, Flushed[]>(classes.map((tagClass) => [tagClass, []]));
  const flushes: number[] = [];
  for (let flush = 1; flush <= 12; flush++) {
    clock.advanceMs(1_000);
    for (const tagClass of news(flush)) journal.record(samplesOf(200), 0, tagClass);
    flushes.push(clock.now());
    for (const { bytes, seq } of journal.flush())
      flushed.get(decoded(bytes).class ?? 'process')?.push({ seq, at: clock.now() });
  }
  const image = imageOf(folder);
  journal.close();
  clock.advanceMs(5_000);
  return { image, clock, classes, flushed, flushes };
}

const logOf = ({ image }: Killed, tagClass: TagClass): string => {
  const file = segmentFiles(image).find((each) => each.includes('.alarm.') === (tagClass === 'alarm'));
  return join(image, `${file}-wal`);
};

const declaredIn = (journal: Journal): Declaration[] => allBatches(journal).flatMap(({ declared }) => declared);

/** What the start after it declares by time, and the last batch of each class that it holds. */
function started({ image, clock, classes }: Killed, lagMs = 0) {
  const left = new Set(segmentFiles(image).map((file) => file.split('.')[1]));
  const journal = openJournal(image, { clock, classes, lagMs });
  const windows = declaredIn(journal).filter(({ kind }) => kind === 'series');
  const ends = new Map(
    journal.streams().flatMap((each) => (left.has(each.stream) ? [[each.class, each.held.at(-1)?.[1] ?? 0]] : [])),
  );
  journal.close();
  return { windows, ends };
}

const both = () => ['process', 'alarm'] as const;
const seldom = (flush: number): readonly TagClass[] => (flush <= 4 ? ['process', 'alarm'] : ['process']);
const zeros = (at: number): Damage => ({ do: 'zero', at, pages: 2 });

describe('where all that was committed is there', () => {
  it('begins earlier by what a sample may be given after its own time: the request of a slow device was under way', () => {
    for (const classes of [['process'], both()] as const) {
      const [own] = started(killed(classes, () => classes)).windows;
      const [earlier] = started(
        killed(classes, () => classes),
        700,
      ).windows;
      expect(own?.kind === 'series' && earlier?.kind === 'series' ? own.from - earlier.from : null).toBe(700_000);
    }
  });

  it('the same from each start, however long that takes to read the folder', () => {
    const found = killed(['process'], () => ['process']);
    const windows = [0, 400].map((readForMs) => {
      const [image, clock] = [imageOf(found.image), { ...found.clock }];
      const lock = join(image, 'lock');
      rmSync(lock, { force: true });
      // Whoever asks when the folder is taken does so while it is read.
      const micros = (): number => (clock.monotonicMs() + (existsSync(lock) ? readForMs : 0)) * 1_000;
      const { boot } = journalOptions(image, { clock });
      const journal = openJournal(image, { clock, boot: { ...boot, micros }, lagMs: 700 });
      const [window] = declaredIn(journal);
      journal.close();
      return window?.from;
    });
    expect(windows[1]).toBe(windows[0]);
  });

  it('one class: from the last batch', () => {
    const found = killed(['process'], () => ['process']);
    const { windows } = started(found);
    expect(windows).toHaveLength(1);
    expect(windows[0]?.from).toBeGreaterThanOrEqual(found.flushes[11] ?? 0);
  });

  it('several: from the flush before the last, since one class may have been written in that and another not', () => {
    const found = killed(both(), both);
    const { windows } = started(found);
    expect(windows).toHaveLength(1);
    expect(windows[0]?.from).toBeGreaterThanOrEqual(found.flushes[10] ?? 0);
    expect(windows[0]?.from).toBeLessThanOrEqual(found.flushes[11] ?? 0);
  });

  it('one class, though the note is destroyed and the files of earlier openings are gone', () => {
    const [folder, clock] = [temporaryFolder(), runningClock()];
    const before = openJournal(folder, { clock });
    before.record(samplesOf(10), 0);
    before.flush();
    before.confirm(current(before).stream, [[1, 2]]);
    before.close();
    const journal = openJournal(folder, { clock });
    journal.flush();
    let [flushedAt, image] = [clock.now(), ''];
    for (let flush = 0; flush < 9; flush++) {
      clock.advanceMs(1_000);
      flushedAt = clock.now();
      journal.record(samplesOf(200), 0);
      journal.flush();
      image = imageOf(folder);
    }
    journal.close();
    expect(segmentFiles(image).map((file) => Number(file.slice(0, 8)))).toEqual([2]);
    damage(join(image, `${segmentFiles(image)[0]}-wal`), { do: 'zero', at: 0, pages: 5 });
    const after = openJournal(image, { clock });
    const [window, ...others] = declaredIn(after).filter(({ kind }) => kind === 'series');
    expect(window).toMatchObject({ reason: 'restart' });
    expect(window?.from).toBeGreaterThanOrEqual(flushedAt);
    expect(others).toEqual([]);
    after.close();
  });

  it.each([
    ['both have news', 'process', 0.3, both],
    ['both have news', 'process', 0.6, both],
    ['both have news', 'alarm', 0.3, both],
    ['one has news seldom', 'process', 0.3, seldom],
    ['one has news seldom', 'process', 0.6, seldom],
    ['one has news seldom', 'alarm', 0.3, seldom],
  ] as const)('up to the end of a log with zeros in it, no earlier: %s, %s at %d', (_what, tagClass, at, news) => {
    const found = killed(both(), news);
    damage(logOf(found, tagClass), zeros(at));
    const { windows, ends } = started(found);
    for (const [each, batches] of found.flushed) expect(ends.get(each)).toBe(batches.at(-1)?.seq);
    expect(windows).toHaveLength(1);
    expect(windows[0]?.from).toBeGreaterThanOrEqual(found.flushes[10] ?? 0);
  });
});

describe('where an end is gone', () => {
  it.each([
    ['zeros', (log: string) => damage(log, zeros(0.93))],
    ['a flipped bit in the last commit', (log: string) => damage(log, { do: 'flip', at: 0.999, bits: 1 })],
    ['less than a frame cut off', (log: string) => truncateSync(log, readFileSync(log).length - 7)],
    ['zeros from the middle on', (log: string) => writeFileSync(log, readFileSync(log).fill(0, 12_000))],
  ])('from the last batch that is there, though another class goes on: %s', (_what, strike) => {
    for (const tagClass of both()) {
      const found = killed(both(), both);
      strike(logOf(found, tagClass));
      const { windows, ends } = started(found);
      const batches = found.flushed.get(tagClass) ?? [];
      const lost = batches.filter(({ seq }) => seq > (ends.get(tagClass) ?? 0));
      expect(lost.length).toBeGreaterThan(0);
      const before = found.flushes[(ends.get(tagClass) ?? 0) - 2] ?? 0;
      expect(Math.min(...windows.map(({ from }) => from))).toBeGreaterThanOrEqual(before);
      for (const { at } of lost) expect(windows.some(({ from, to }) => from <= at - 1_000_000 && at <= to)).toBe(true);
    }
  });

  it('with the whole log of a class, whose file has batches already', () => {
    const [folder, clock] = [temporaryFolder(), runningClock()];
    const journal = openJournal(folder, { clock, classes: both(), segmentBytes: 64 * 1024 ** 2 });
    const flushes: number[] = [];
    // So much that the log of one is folded in.
    for (let flush = 0; flush < 300; flush++) {
      clock.advanceMs(1_000);
      flushes.push(clock.now());
      journal.record(samplesOf(500), 0);
      journal.record(samplesOf(1), 0, 'alarm');
      journal.flush();
    }
    const image = imageOf(folder);
    journal.close();
    const [process = ''] = segmentFiles(image);
    expect(readFileSync(join(image, process)).length).toBeGreaterThan(100_000);
    truncateSync(join(image, `${process}-wal`), 0);
    const after = openJournal(image, { clock, classes: both() });
    const { held = [] } = after.streams().find(({ class: tagClass }) => tagClass === 'process') ?? {};
    const last = held.at(-1)?.[1] ?? 0;
    expect(last).toBeLessThan(300);
    const from = Math.min(...declaredIn(after).flatMap((each) => (each.kind === 'series' ? [each.from] : [])));
    expect(from).toBeGreaterThanOrEqual(flushes[last - 2] ?? 0);
    expect(from).toBeLessThan(flushes[last - 1] ?? 0);
    after.close();
  });
});
