import { closeSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { addRange, countOf, type Ranges } from '@fieldline/shared/contracts';
import { createMetrics } from '@fieldline/shared/runtime';
import { describeWith, mountedDisk, temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import type { StoredBatch } from '../../src/journal/batches.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { allBatches, current, handClock, openJournal, samplesOf } from '../helpers/journal.ts';
import { smallDisk } from '../helpers/small-disk.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;

const declaredIn = (journal: Journal) => allBatches(journal).flatMap(({ declared }) => declared);

const bytesIn = (folder: string): number =>
  readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

function write(journal: Journal, samples: number) {
  journal.record(samplesOf(samples), 0);
  return journal.flush();
}

/** Five samples each `everyMs`, for so long. Gives the batches that came of it. */
function writeFor(journal: Journal, clock: ReturnType<typeof handClock>, forMs: number, everyMs: number) {
  const batches: StoredBatch[] = [];
  for (let ms = 0; ms < forMs; ms += everyMs) {
    batches.push(...write(journal, 5));
    clock.advanceMs(everyMs);
  }
  return batches;
}

/** A journal that keeps four hours, with one flush, then the clock is stepped twelve years ahead. */
function withClockAhead() {
  const hand = handClock();
  let aheadMicros = 0;
  const clock = { ...hand, now: () => hand.now() + aheadMicros };
  const journal = openJournal(temporaryFolder(), { clock, maxAgeMs: 4 * hourMs });
  write(journal, 5);
  aheadMicros = 12 * 365 * 24 * hourMs * 1_000;
  const putRight = (): void => {
    aheadMicros = 0;
  };
  return { hand, journal, putRight };
}

describe('what nobody confirmed for longer than maxAgeMs', () => {
  it('is dropped and declared, to a quarter of the age exactly', () => {
    const clock = handClock();
    const journal = openJournal(temporaryFolder(), { clock, maxAgeMs: 4 * hourMs });
    const startedAt = clock.now();
    const written = writeFor(journal, clock, 12 * hourMs, 5 * minuteMs);
    const { held, last, stream } = current(journal);
    const oldest = held[0]?.[0] ?? 0;
    const heldFor = (seq: number): number => (clock.now() - startedAt) / 1_000 - (seq - 1) * 5 * minuteMs;
    expect(heldFor(oldest)).toBeGreaterThanOrEqual(4 * hourMs);
    expect(heldFor(oldest)).toBeLessThanOrEqual(5 * hourMs + 15 * minuteMs);
    const lost = declaredIn(journal).filter((one) => one.kind === 'batches' && one.stream === stream);
    const ranges = lost.reduce<Ranges>(
      (sum, one) => (one.kind === 'batches' ? addRange(sum, one.from, one.to) : sum),
      [],
    );
    expect(ranges).toEqual([[1, oldest - 1]]);
    const samplesThrough = (last: number): number =>
      written.reduce((sum, { seq, samples }) => sum + (seq <= last ? samples : 0), 0);
    expect(lost.reduce((sum, { samples }) => sum + (samples ?? 0), 0)).toBe(samplesThrough(oldest - 1));
    expect(new Set(lost.map(({ reason }) => reason))).toEqual(new Set(['age-bound']));
    for (const { to, ...one } of lost) expect(one).toMatchObject({ counts: { read: samplesThrough(to), filtered: 0 } });
    expect(countOf(held)).toBe(last - oldest + 1);
    journal.close();
  });

  it('is kept where no age is set', () => {
    const clock = handClock();
    const journal = openJournal(temporaryFolder(), { clock });
    writeFor(journal, clock, 12 * hourMs, 5 * minuteMs);
    expect(current(journal).held[0]?.[0]).toBe(1);
    journal.close();
  });

  it('is dropped at that age, not later, where the age is a minute', () => {
    const clock = handClock();
    const journal = openJournal(temporaryFolder(), { clock, maxAgeMs: minuteMs });
    writeFor(journal, clock, 115_000, 5_000);
    const oldest = current(journal).held[0]?.[0] ?? 0;
    const heldForMs = 115_000 - (oldest - 1) * 5_000;
    expect(heldForMs).toBeGreaterThanOrEqual(minuteMs);
    expect(heldForMs).toBeLessThanOrEqual(1.5 * minuteMs);
    expect(declaredIn(journal)).toContainEqual(expect.objectContaining({ kind: 'batches', reason: 'age-bound' }));
    journal.close();
  });

  it('goes by the clock on the wall where an earlier opening left it, a tenth of the age later', () => {
    const folder = temporaryFolder();
    const clock = handClock();
    const before = openJournal(folder, { clock, maxAgeMs: 10 * minuteMs });
    write(before, 5);
    before.close();
    clock.advanceMs(11 * minuteMs);
    const journal = openJournal(folder, { clock, maxAgeMs: 10 * minuteMs });
    write(journal, 5);
    clock.advanceMs(minuteMs / 2);
    write(journal, 5);
    expect(declaredIn(journal)).toEqual([]);
    clock.advanceMs(minuteMs / 2);
    write(journal, 5);
    write(journal, 5);
    expect(declaredIn(journal)).toContainEqual(expect.objectContaining({ kind: 'batches', reason: 'age-bound' }));
    journal.close();
  });

  it('outlives a clock that stands years ahead for good, where this opening wrote it', () => {
    const { hand, journal } = withClockAhead();
    writeFor(journal, hand, 3 * hourMs, minuteMs);
    expect(current(journal).held[0]?.[0]).toBe(1);
    journal.close();
  });

  it('outlives a clock that stands years ahead until it is put right', () => {
    const { hand, journal, putRight } = withClockAhead();
    for (let minute = 0; minute < 9; minute++) {
      write(journal, 5);
      hand.advanceMs(minuteMs);
    }
    putRight();
    for (let minute = 0; minute < 30; minute++) {
      write(journal, 5);
      hand.advanceMs(minuteMs);
    }
    expect(current(journal).held[0]?.[0]).toBe(1);
    expect(declaredIn(journal)).toEqual([]);
    journal.close();
  });
});

describeWith(mountedDisk, 'a disk that is nearly full', () => {
  const diskBytes = 8 * 1024 ** 2;

  it('is left a twentieth: the journal pays for its growth with its oldest batches, and declares them', async () => {
    const disk = smallDisk(diskBytes);
    const folder = join(disk.folder, 'journal');
    const metrics = createMetrics();
    const journal = openJournal(folder, { segmentBytes: 128 * 1024, keepFreeBytes: 64 * 1024 ** 2, metrics });
    for (let round = 0; round < 900; round++) write(journal, 1_000);
    expect(journal.trouble()).toBeNull();
    const free = Number(/^fieldline_journal_disk_free_bytes (\S+)$/m.exec(await metrics.text())?.[1]);
    expect(free).toBeGreaterThan(diskBytes / 20 - 300 * 1024);
    const { held, stream } = current(journal);
    expect(held[0]?.[0]).toBeGreaterThan(1);
    expect(declaredIn(journal)).toContainEqual(
      expect.objectContaining({ kind: 'batches', stream, reason: 'disk-bound' }),
    );
    journal.close();
  });

  it('is left a twentieth also by files of the usual size and classes, which are smaller then', () => {
    const disk = smallDisk(diskBytes);
    const classes = ['process', 'alarm', 'debug'] as const;
    const options = { segmentBytes: 16 * 1024 ** 2, keepFreeBytes: 64 * 1024 ** 2, classes };
    const journal = openJournal(join(disk.folder, 'journal'), options);
    for (let round = 0; round < 1_000; round++) {
      journal.record(samplesOf(1_000), 0, classes[round % 3] ?? 'process');
      journal.flush();
      expect(journal.trouble()).toBeNull();
    }
    expect(declaredIn(journal)).toContainEqual(expect.objectContaining({ kind: 'batches', reason: 'disk-bound' }));
    journal.close();
  });

  it('is left by what is confirmed when there is no room to begin', () => {
    const disk = smallDisk(diskBytes);
    const folder = join(disk.folder, 'journal');
    const options = { keepFreeBytes: 0, keepConfirmedForMs: 1e12, segmentBytes: 1024 ** 2 };
    const before = openJournal(folder, options);
    for (let round = 0; round < 100; round++) write(before, 1_000);
    const { stream, last } = current(before);
    before.confirm(stream, [[1, last]]);
    before.close();
    const filler = openSync(join(disk.folder, 'of-somebody-else'), 'w');
    expect(() => {
      for (;;) writeSync(filler, Buffer.alloc(512));
    }).toThrow('ENOSPC');
    closeSync(filler);
    const after = openJournal(folder, options);
    expect(after.trouble()).toBeNull();
    after.flush();
    expect(after.streams().map((held) => held.stream)).not.toContain(stream);
    expect(declaredIn(after)).toEqual([]);
    after.close();
  });

  it('that others fill takes nothing of what is journalled', () => {
    const disk = smallDisk(diskBytes);
    const folder = join(disk.folder, 'journal');
    const journal = openJournal(folder, { segmentBytes: 128 * 1024, keepFreeBytes: 64 * 1024 ** 2 });
    for (let round = 0; round < 100; round++) write(journal, 1_000);
    const before = bytesIn(folder);
    writeFileSync(join(disk.folder, 'of-somebody-else'), Buffer.alloc(diskBytes - before - 200 * 1024));
    for (let round = 0; round < 10; round++) journal.flush();
    expect(current(journal).held[0]?.[0]).toBe(1);
    for (let round = 0; round < 20; round++) write(journal, 1_000);
    expect(bytesIn(folder)).toBeLessThan(before + 200 * 1024);
    expect(current(journal).held[0]?.[0]).toBeGreaterThan(1);
    journal.close();
  });
});
