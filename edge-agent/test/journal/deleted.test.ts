import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { imageOf, segmentFiles } from '../helpers/folder.ts';
import { allBatches, current, decoded, handClock, openJournal, samplesOf } from '../helpers/journal.ts';
import { listeningLog } from '../helpers/listening-log.ts';

describe('a folder that is deleted while it is written', () => {
  const threeFlushes = (folder: string, clock = handClock()) => {
    const journal = openJournal(folder, { clock });
    for (let round = 0; round < 3; round++) {
      journal.record(samplesOf(10), 0);
      journal.flush();
    }
    return { journal, clock, stream: current(journal).stream };
  };

  it('is noticed at the next flush, made again, and its unconfirmed batches are declared once', () => {
    const folder = join(temporaryFolder(), 'above', 'journal');
    const { journal, clock, stream } = threeFlushes(folder);
    journal.confirm(stream, [[1, 2]]);
    rmSync(join(folder, '..'), { recursive: true });
    journal.record(samplesOf(5), 0);
    const [waiting] = journal.flush();
    expect(journal.trouble()).toContain('ENOENT');
    expect(decoded(waiting?.bytes ?? Buffer.alloc(0))).toMatchObject({ seq: 1, volatile: true, sent: 5 });
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toBeNull();
    expect(segmentFiles(folder)).toHaveLength(2);
    expect(() => openJournal(folder)).toThrow('another agent uses the journal folder');
    journal.record(samplesOf(2), 0);
    journal.flush();
    const first = allBatches(journal).find((batch) => batch.seq === 1 && !batch.volatile);
    expect(first?.previous).toEqual({ stream, lastSeq: 4 });
    expect(allBatches(journal).flatMap(({ declared }) => declared)).toEqual([
      {
        ...{ kind: 'batches', stream, from: 3, to: 4, samples: 20, reason: 'journal-damaged' },
        counts: { read: 30, filtered: 0 },
      },
    ]);
    expect(journal.read(stream, 3)).toBeNull();
    expect(journal.unconfirmed().samples).toBe(7);
    journal.close();
    const after = openJournal(folder);
    expect(after.unconfirmed().samples).toBe(7);
    after.close();
  });

  it('is noticed where nothing is to be written, and lets the agent stop in order', () => {
    const folder = join(temporaryFolder(), 'journal');
    const { journal } = threeFlushes(folder);
    rmSync(folder, { recursive: true });
    journal.flush();
    expect(journal.trouble()).toContain('cannot be written');
    journal.close();
  });

  it('is not taken back while another agent has it', () => {
    const folder = join(temporaryFolder(), 'journal');
    const { journal, clock } = threeFlushes(folder);
    rmSync(folder, { recursive: true });
    journal.flush();
    const other = openJournal(folder);
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toContain('another agent uses the journal folder');
    other.close();
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toBeNull();
    journal.close();
  });

  it('stays on the disk when only a finished file is deleted, and declares that when it is asked for it', () => {
    const folder = temporaryFolder();
    const { journal: before, stream } = threeFlushes(folder);
    before.close();
    // What an opening finds last is still open in it, and could be read.
    openJournal(folder).close();
    const journal = openJournal(folder);
    rmSync(join(folder, segmentFiles(folder)[0] ?? ''));
    expect(journal.read(stream, 2)).toBeNull();
    journal.flush();
    expect(journal.trouble()).toBeNull();
    expect(journal.streams().map((held) => held.stream)).not.toContain(stream);
    expect(allBatches(journal).flatMap(({ declared }) => declared)).toEqual([
      { kind: 'batches', stream, from: 1, to: 4, samples: 30, reason: 'journal-damaged' },
    ]);
    journal.close();
  });
});

it('an orderly stop says how much stays for the next start, and nothing where all is confirmed', () => {
  const { lines, log } = listeningLog();
  const journal = openJournal(temporaryFolder(), { log });
  journal.record(samplesOf(10), 0);
  journal.flush();
  journal.close();
  expect(lines).toMatchObject([
    { level: 'info', batches: 2, samples: 10, msg: 'batches that are not confirmed stay for the next start' },
  ]);
});

it('a finished file whose batches were all confirmed is not said to be declared as lost when it is deleted', () => {
  const folder = temporaryFolder();
  const { lines, log } = listeningLog();
  const before = openJournal(folder);
  before.record(samplesOf(10), 0);
  before.flush();
  const { stream, last } = current(before);
  before.confirm(stream, [[1, last]]);
  before.close();
  openJournal(folder, { keepConfirmedForMs: 3_600_000 }).close();
  const journal = openJournal(folder, { log, keepConfirmedForMs: 3_600_000 });
  rmSync(join(folder, segmentFiles(folder)[0] ?? ''));
  expect(journal.read(stream, 1)).toBeNull();
  journal.flush();
  expect(lines.map(({ msg }) => msg)).toEqual(['a file of the journal was deleted: all that it held was confirmed']);
  expect(allBatches(journal).flatMap(({ declared }) => declared)).toEqual([]);
  journal.close();
});

describe('a file that is deleted while no agent runs', () => {
  const written = (folder: string) => {
    const journal = openJournal(folder, { segmentBytes: 20_000 });
    while (segmentFiles(folder).length < 4) {
      journal.record(samplesOf(1_000), 0);
      journal.flush();
    }
    return journal;
  };

  it.each([
    ['the first of its stream', 0],
    ['one in the middle', 1],
  ])('is declared, with the samples that it held: %s', (_which, index) => {
    const folder = temporaryFolder();
    const before = written(folder);
    const { stream } = current(before);
    before.close();
    const names = segmentFiles(folder).map((file) => Number(file.split('.')[2]));
    const [from = 0, next = 0] = names.slice(index);
    rmSync(join(folder, segmentFiles(folder)[index] ?? ''));
    const journal = openJournal(folder);
    const samples = (next - from) * 1_000 - (from === 1 ? 1_000 : 0);
    expect(allBatches(journal).at(-1)?.declared).toEqual([
      { kind: 'batches', stream, from, to: next - 1, samples, reason: 'journal-damaged' },
    ]);
    journal.close();
    const again = openJournal(folder);
    expect(allBatches(again).at(-1)?.declared).toEqual([]);
    again.close();
  });

  it('is declared where it was all that was left of its stream', () => {
    const folder = temporaryFolder();
    const before = openJournal(folder);
    before.record(samplesOf(5), 0);
    before.flush();
    const { stream } = current(before);
    before.close();
    openJournal(folder).close();
    rmSync(join(folder, segmentFiles(folder)[0] ?? ''));
    const journal = openJournal(folder);
    expect(allBatches(journal).at(-1)?.declared).toEqual([
      { kind: 'batches', stream, from: 1, to: 2, samples: null, reason: 'journal-damaged' },
    ]);
    journal.close();
  });

  it('is told from one that was confirmed and let go just before a kill', () => {
    const folder = temporaryFolder();
    const journal = written(folder);
    const [, second = ''] = segmentFiles(folder);
    journal.confirm(current(journal).stream, [[1, Number(second.split('.')[2]) - 1]]);
    journal.flush();
    expect(segmentFiles(folder)).toHaveLength(3);
    const killed = openJournal(imageOf(folder));
    expect(
      allBatches(killed)
        .at(-1)
        ?.declared.filter(({ reason }) => reason !== 'restart'),
    ).toEqual([]);
    killed.close();
    journal.close();
  });
});
