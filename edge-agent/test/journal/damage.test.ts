import { copyFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Range } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { Disk } from '../../src/journal/disk.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { damage } from '../helpers/damage.ts';
import { imageOf, segmentFiles } from '../helpers/folder.ts';
import { allBatches, current, journalOptions, openJournal, samplesOf } from '../helpers/journal.ts';

/** Four files of one stream, closed. */
function withFourFiles(folder: string, segmentBytes = 100_000): string {
  const journal = openJournal(folder, { segmentBytes });
  while (segmentFiles(folder).length < 4) {
    journal.record(samplesOf(1_000), 0);
    journal.flush();
  }
  const { stream } = current(journal);
  journal.close();
  return stream;
}

/** What the file with this index holds, as the names tell. */
function rangeOf(folder: string, index: number): Range {
  const [from = 0, next = 0] = segmentFiles(folder)
    .slice(index)
    .map((file) => Number(file.split('.')[2]));
  return [from, next - 1];
}

/** The first batch of an opening has no samples, each other one a thousand. */
const samplesIn = ([from, to]: Range): number => (to - from + 1 - (from === 1 ? 1 : 0)) * 1_000;

const lastDeclared = (journal: Journal) => allBatches(journal).at(-1)?.declared;

const heldOf = (journal: Journal, stream: string) => journal.streams().find((held) => held.stream === stream)?.held;

describe('a file of which nothing can be read', () => {
  it.each([
    ['the first of its stream', 0],
    ['one in the middle', 1],
  ])('is set aside, and its batches are declared with their samples: %s', (_which, index) => {
    const folder = temporaryFolder();
    const stream = withFourFiles(folder);
    const [from, to] = rangeOf(folder, index);
    const broken = segmentFiles(folder)[index] ?? '';
    writeFileSync(join(folder, broken), 'not a database');
    const journal = openJournal(folder);
    expect(lastDeclared(journal)).toEqual([
      { kind: 'batches', stream, from, to, samples: samplesIn([from, to]), reason: 'journal-damaged' },
    ]);
    expect(allBatches(journal).at(-1)?.previous?.stream).toBe(stream);
    expect(readdirSync(folder)).toContain(`${broken}.damaged`);
    journal.close();
    const again = openJournal(folder);
    expect(lastDeclared(again)).toEqual([]);
    again.close();
  });

  it('stays where it is until that is declared: a kill before it changes nothing', () => {
    const folder = temporaryFolder();
    withFourFiles(folder);
    const broken = segmentFiles(folder)[1] ?? '';
    writeFileSync(join(folder, broken), 'not a database');
    const disk = Disk.load(journalOptions(folder));
    expect(disk.damaged).toMatchObject([{ segment: null }]);
    expect(readdirSync(folder)).toContain(broken);
    disk.setAsideUnproven();
    expect(readdirSync(folder)).toContain(`${broken}.damaged`);
    disk.close();
  });

  it('is the predecessor all the same where it was the only one of the newest stream', () => {
    const folder = temporaryFolder();
    const before = openJournal(folder);
    const { stream } = current(before);
    before.close();
    writeFileSync(join(folder, segmentFiles(folder)[0] ?? ''), 'not a database');
    const journal = openJournal(folder);
    const first = allBatches(journal).at(-1);
    expect(first?.previous).toEqual({ stream, lastSeq: 0 });
    expect(first?.declared).toMatchObject([
      { kind: 'series', device: null, tag: null, reason: 'restart' },
      { kind: 'series', device: null, tag: null, reason: 'journal-damaged' },
    ]);
    journal.close();
  });

  it('is an end without order where it is empty', () => {
    const folder = temporaryFolder();
    const stream = withFourFiles(folder);
    writeFileSync(join(folder, `00000005.${crypto.randomUUID()}.1.segment`), '');
    const journal = openJournal(folder);
    expect(allBatches(journal).at(-1)).toMatchObject({ previous: { stream }, declared: [{ reason: 'restart' }] });
    journal.close();
  });
});

describe('a file that is damaged in part', () => {
  it.each([
    ['its first page is zeros', { do: 'zero', at: 0, pages: 1 }],
    ['its first three pages are zeros', { do: 'zero', at: 0, pages: 3 }],
    ['pages in its middle are zeros', { do: 'zero', at: 0.5, pages: 4 }],
    ['it is cut in its middle', { do: 'truncate', at: 0.5 }],
  ] as const)('gives what is whole under the same numbers, and only the rest is declared: %s', (_what, how) => {
    const folder = temporaryFolder();
    const stream = withFourFiles(folder);
    const range = rangeOf(folder, 1);
    const whole = openJournal(imageOf(folder));
    damage(join(folder, segmentFiles(folder)[1] ?? ''), how);
    const journal = openJournal(folder);
    for (let seq = range[0]; seq <= range[1]; seq++) journal.read(stream, seq);
    journal.flush();
    const declared = allBatches(journal).flatMap((batch) => batch.declared);
    let lost = 0;
    for (const each of declared) {
      if (each.kind !== 'batches') throw new Error('its numbers are known');
      lost += each.to - each.from + 1;
      expect(each).toMatchObject({ stream, samples: (each.to - each.from + 1) * 1_000, reason: 'journal-damaged' });
      for (let seq = each.from; seq <= each.to; seq++) expect(journal.read(stream, seq)).toBeNull();
    }
    expect(lost).toBeLessThanOrEqual((range[1] - range[0] + 1) / 2 + 1);
    let read = 0;
    for (let seq = range[0]; seq <= range[1]; seq++) {
      const batch = journal.read(stream, seq);
      if (batch === null) continue;
      read += 1;
      expect(batch).toEqual(whole.read(stream, seq));
    }
    expect(read + lost).toBe(range[1] - range[0] + 1);
    journal.close();
    whole.close();
  });

  it('stays where it is until what it gives is confirmed, and is set aside then', () => {
    const folder = temporaryFolder();
    const stream = withFourFiles(folder);
    const broken = segmentFiles(folder)[1] ?? '';
    const [from, to] = rangeOf(folder, 1);
    damage(join(folder, broken), { do: 'truncate', at: 0.5 });
    const journal = openJournal(folder);
    journal.flush();
    expect(readdirSync(folder)).toContain(broken);
    journal.confirm(stream, [[from, to]]);
    journal.flush();
    expect(readdirSync(folder)).toContain(`${broken}.damaged`);
    expect(heldOf(journal, stream)).toEqual([
      [1, from - 1],
      [to + 1, expect.any(Number)],
    ]);
    journal.close();
  });

  it('is found while it is read: its batches are asked for no more, those beside are given', () => {
    const folder = temporaryFolder();
    const stream = withFourFiles(folder);
    const [from, to] = rangeOf(folder, 1);
    const journal = openJournal(folder);
    truncateSync(join(folder, segmentFiles(folder)[1] ?? ''), 50 * 1_024);
    expect(journal.read(stream, to)).toBeNull();
    journal.flush();
    expect(journal.read(stream, from)?.samples).toBe(1_000);
    const [lost] = allBatches(journal).flatMap(({ declared }) => declared);
    expect(lost).toMatchObject({ kind: 'batches', stream, to, reason: 'journal-damaged' });
    if (lost?.kind !== 'batches') throw new Error('its numbers are known');
    expect(lost.samples).toBe((to - lost.from + 1) * 1_000);
    const { samples } = allBatches(journal).reduce((sum, { sent }) => ({ samples: sum.samples + sent }), {
      samples: 0,
    });
    expect(journal.unconfirmed().samples).toBe(samples);
    journal.close();
    const again = openJournal(folder);
    expect(lastDeclared(again)).toEqual([]);
    expect(heldOf(again, stream)).toEqual([
      [1, lost.from - 1],
      [to + 1, expect.any(Number)],
    ]);
    again.close();
  });

  it('is written no more where it was, and what comes goes to a new one of the same stream', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes: 64 * 1024 ** 2 });
    const { stream } = current(journal);
    // More than SQLite keeps in memory of it.
    for (let round = 1; round <= 400; round++) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
    }
    damage(join(folder, segmentFiles(folder)[0] ?? ''), { do: 'zero', at: 0.2, pages: 40 });
    for (let seq = 1; seq <= 401; seq++) journal.read(stream, seq);
    journal.record(samplesOf(7), 0);
    expect(journal.flush()[0]).toMatchObject({ stream, seq: 402 });
    const declared = allBatches(journal).flatMap((batch) => batch.declared);
    expect(declared.length).toBeGreaterThan(0);
    expect(segmentFiles(folder)).toHaveLength(2);
    expect(journal.trouble()).toBeNull();
    journal.close();
  });

  it('is looked into while the agent runs where the start has no time for it', () => {
    const folder = temporaryFolder();
    const stream = withFourFiles(folder);
    const ranges = [rangeOf(folder, 0), rangeOf(folder, 1)];
    for (const index of [0, 1])
      damage(join(folder, segmentFiles(folder)[index] ?? ''), { do: 'zero', at: 0, pages: 1 });
    const journal = openJournal(folder, { startSalvageMs: 0 });
    expect(heldOf(journal, stream)?.[0]?.[0]).toBe((ranges[1]?.[1] ?? 0) + 1);
    expect(journal.streams().map((held) => held.stream)[0]).toBe(stream);
    journal.flush();
    journal.flush();
    expect(heldOf(journal, stream)).toEqual([[1, expect.any(Number)]]);
    expect(allBatches(journal).flatMap(({ declared }) => declared)).toEqual([]);
    journal.close();
  });
});

describe('the log of a killed agent', () => {
  /** Its folder, and what it had flushed. */
  function killed() {
    const folder = temporaryFolder();
    const journal = openJournal(folder);
    for (let round = 0; round < 10; round++) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
    }
    const image = imageOf(folder);
    const { stream } = current(journal);
    journal.close();
    return { image, stream, file: join(image, segmentFiles(image)[0] ?? '') };
  }

  it('is read without its index', () => {
    const { image, stream, file } = killed();
    rmSync(`${file}-shm`);
    const journal = openJournal(image);
    expect(heldOf(journal, stream)).toEqual([[1, 11]]);
    journal.close();
  });

  it('is read behind a flipped byte, which SQLite takes for its end', () => {
    const { image, stream, file } = killed();
    damage(`${file}-wal`, { do: 'flip', at: 0.5, bits: 1 });
    const journal = openJournal(image);
    const held = heldOf(journal, stream) ?? [];
    expect(held.at(-1)?.[1]).toBe(11);
    const declared = lastDeclared(journal)?.filter(({ kind }) => kind === 'batches') ?? [];
    expect(declared.length).toBe(held.length - 1);
    expect(declared.length).toBeLessThanOrEqual(1);
    expect(allBatches(journal).at(-1)?.previous).toEqual({ stream, lastSeq: 11 });
    journal.close();
  });

  it('is read where its file has been emptied: SQLite would delete it', () => {
    const { image, stream, file } = killed();
    truncateSync(file, 0);
    const journal = openJournal(image);
    expect(heldOf(journal, stream)).toEqual([[1, 11]]);
    expect(lastDeclared(journal)).toMatchObject([{ reason: 'restart' }]);
    journal.close();
  });

  it('may be cut: the batches before are given, the time behind is declared', () => {
    const { image, stream, file } = killed();
    truncateSync(`${file}-wal`, Math.floor(statSync(`${file}-wal`).size / 2));
    const journal = openJournal(image);
    const last = heldOf(journal, stream)?.at(-1)?.[1] ?? 0;
    expect(last).toBeGreaterThan(3);
    expect(lastDeclared(journal)).toMatchObject([{ kind: 'series', device: null, reason: 'restart' }]);
    journal.close();
  });

  it('is missed where it is gone', () => {
    const { image, stream, file } = killed();
    const whole = temporaryFolder();
    copyFileSync(file, join(whole, 'copy'));
    rmSync(`${file}-wal`);
    rmSync(`${file}-shm`);
    const journal = openJournal(image);
    expect(allBatches(journal).at(-1)?.previous).toEqual({ stream, lastSeq: 0 });
    expect(lastDeclared(journal)).toMatchObject([
      { kind: 'series', device: null, reason: 'restart' },
      { kind: 'series', device: null, reason: 'journal-damaged' },
    ]);
    journal.close();
  });
});
