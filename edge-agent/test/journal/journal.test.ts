import { cpSync } from 'node:fs';
import { countOf, isFieldlineError } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { segmentFiles } from '../helpers/folder.ts';
import { allBatches, current, decoded, handClock, openJournal, samplesOf, testGateway } from '../helpers/journal.ts';

describe('an opening of the journal', () => {
  it('begins a stream whose first batch is there at once and has no predecessor in a new folder', () => {
    const journal = openJournal(temporaryFolder());
    const [first] = allBatches(journal);
    expect(first).toMatchObject({ gateway: testGateway, seq: 1, previous: null, read: 0, filtered: 0, declared: [] });
    expect(current(journal)).toMatchObject({ stream: first?.stream, last: 1, held: [[1, 1]], confirmed: [] });
    journal.close();
  });

  it('names the opening before it and its last number, even when everything was confirmed', () => {
    const folder = temporaryFolder();
    const before = openJournal(folder);
    before.record(samplesOf(3), 0);
    before.flush();
    const { stream } = current(before);
    before.confirm(stream, [[1, 2]]);
    before.close();
    const after = openJournal(folder);
    const first = decoded(after.read(current(after).stream, 1)?.bytes ?? Buffer.alloc(0));
    expect(first.previous).toEqual({ stream, lastSeq: 2 });
    expect(first.declared).toEqual([]);
    after.flush();
    expect(after.streams().map((held) => held.stream)).toEqual([current(after).stream]);
    expect(segmentFiles(folder)).toHaveLength(1);
    after.close();
  });

  it('keeps stream, number and bytes of batches that an earlier opening left', () => {
    const folder = temporaryFolder();
    const before = openJournal(folder);
    before.record(samplesOf(5), 2);
    const [flushed] = before.flush();
    before.close();
    const after = openJournal(folder);
    expect(flushed).toBeDefined();
    expect(after.read(flushed?.stream ?? '', flushed?.seq ?? 0)).toEqual({
      stream: flushed?.stream,
      seq: 2,
      samples: 5,
      bytes: flushed?.bytes,
    });
    expect(after.unconfirmed()).toEqual({ batches: 3, samples: 5 });
    after.close();
  });

  it('declares the time since the last flush when the agent did not end in order', () => {
    const folder = temporaryFolder();
    const clock = handClock();
    const killed = openJournal(folder, { clock });
    clock.advanceMs(500);
    killed.record(samplesOf(1), 0);
    killed.flush();
    const flushedAt = clock.now();
    const image = temporaryFolder();
    cpSync(folder, image, { recursive: true });
    clock.advanceMs(7_000);
    const after = openJournal(image, { clock });
    const [first] = allBatches(after).slice(-1);
    expect(first?.declared).toEqual([
      { kind: 'series', device: null, tag: null, from: flushedAt, to: clock.now(), samples: null, reason: 'restart' },
    ]);
    killed.close();
    after.close();
  });

  it('gives two copies of one folder different streams with the same predecessor', () => {
    const original = temporaryFolder();
    const journal = openJournal(original);
    journal.record(samplesOf(4), 0);
    journal.flush();
    const { stream } = current(journal);
    journal.close();
    const clone = temporaryFolder();
    cpSync(original, clone, { recursive: true });
    const opened = [openJournal(original), openJournal(clone)];
    const firsts = opened.map((each) => allBatches(each).at(-1));
    expect(firsts.map((first) => first?.previous)).toEqual([
      { stream, lastSeq: 2 },
      { stream, lastSeq: 2 },
    ]);
    expect(firsts[0]?.stream).not.toBe(firsts[1]?.stream);
    for (const each of opened) each.close();
  });

  it('goes on from an older copy that was put back: what that holds comes again under the same numbers', () => {
    const folder = temporaryFolder();
    const first = openJournal(folder);
    first.record(samplesOf(2), 0);
    const [old] = first.flush();
    first.close();
    const backup = temporaryFolder();
    cpSync(folder, backup, { recursive: true });
    const second = openJournal(folder);
    second.record(samplesOf(2), 0);
    second.flush();
    second.close();
    const restored = openJournal(backup);
    expect(restored.read(old?.stream ?? '', 2)?.bytes).toEqual(old?.bytes);
    expect(allBatches(restored).at(-1)?.previous).toEqual({ stream: old?.stream, lastSeq: 2 });
    restored.close();
  });

  it('refuses a folder that another agent uses, and takes it when that has ended', () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder);
    expect(() => openJournal(folder)).toThrow(expect.objectContaining({ code: 'journal/in-use' }));
    journal.close();
    openJournal(folder).close();
  });

  it('refuses a folder with batches of another gateway, and leaves it as it is', () => {
    const folder = temporaryFolder();
    openJournal(folder).close();
    let refusal: unknown;
    try {
      openJournal(folder, { gateway: 'another' });
    } catch (error) {
      refusal = error;
    }
    expect(isFieldlineError(refusal, 'journal/foreign')).toBe(true);
    openJournal(folder).close();
  });
});

describe('a flush', () => {
  it('writes nothing when nothing happened', () => {
    const journal = openJournal(temporaryFolder());
    expect(journal.flush()).toEqual([]);
    journal.record([], 12);
    expect(journal.flush()).toEqual([]);
    expect(current(journal).last).toBe(1);
    journal.close();
  });

  it('counts what was read and filtered in the stream, in every batch', () => {
    const journal = openJournal(temporaryFolder());
    journal.record(samplesOf(3), 4);
    journal.flush();
    journal.record(samplesOf(2), 0);
    journal.flush();
    journal.record([], 6);
    journal.finish();
    expect(allBatches(journal).map(({ read, filtered, sent }) => ({ read, filtered, sent }))).toEqual([
      { read: 0, filtered: 0, sent: 0 },
      { read: 7, filtered: 4, sent: 3 },
      { read: 9, filtered: 4, sent: 2 },
      { read: 15, filtered: 10, sent: 0 },
    ]);
    journal.close();
  });

  it('cuts what is too large for one batch into several, each within its bound and with its own counts', () => {
    const journal = openJournal(temporaryFolder(), { maxBatchBytes: 2_000 });
    journal.record(samplesOf(1_000), 10);
    const batches = journal.flush();
    expect(batches.length).toBeGreaterThan(2);
    expect(Math.max(...batches.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(2_000);
    let samples = 0;
    for (const batch of batches.map(({ bytes }) => decoded(bytes))) {
      samples += batch.sent;
      expect(batch.read).toBe(batch.filtered + samples);
    }
    expect(samples).toBe(1_000);
    journal.close();
  });

  it('declares a value that fits into no batch, and carries the others', () => {
    const journal = openJournal(temporaryFolder(), { maxBatchBytes: 2_000 });
    const text = { device: 'plc1', tag: 'message', type: 'string' } as const;
    const [before, huge, after] = samplesOf(3, text, (index) => (index === 1 ? 'x'.repeat(5_000) : 'short'));
    if (before === undefined || huge === undefined || after === undefined) throw new Error('three samples');
    journal.record([before, huge, after], 0);
    const batches = journal.flush().map(({ bytes }) => decoded(bytes));
    expect(batches.flatMap(({ value }) => value)).toEqual(['short', 'short']);
    expect(batches.flatMap(({ declared }) => declared)).toEqual([
      {
        kind: 'series',
        device: 'plc1',
        tag: 'message',
        from: huge.time,
        to: huge.time,
        samples: 1,
        reason: 'too-large',
      },
    ]);
    expect(batches.at(-1)).toMatchObject({ read: 2, filtered: 0 });
    journal.close();
  });

  it('keeps a batch below what the reader unpacks, however small it is packed', () => {
    const journal = openJournal(temporaryFolder(), { compression: 'zstd' });
    const text = { device: 'plc1', tag: 'message', type: 'string' } as const;
    journal.record(
      samplesOf(5_000, text, () => 'x'.repeat(1_000)),
      0,
    );
    const batches = journal.flush().map(({ bytes }) => decoded(bytes));
    expect(batches.length).toBeGreaterThan(1);
    expect(batches.reduce((sum, { sent }) => sum + sent, 0)).toBe(5_000);
    journal.close();
  });

  it('merges declarations that touch and makes a batch for them alone', () => {
    const journal = openJournal(temporaryFolder());
    const base = { kind: 'series', device: 'plc1', tag: null, samples: 2, reason: 'source-overflow' } as const;
    journal.declare({ ...base, from: 10, to: 20 });
    journal.declare({ ...base, from: 20, to: 30 });
    const [batch] = journal.flush();
    expect(decoded(batch?.bytes ?? Buffer.alloc(0)).declared).toEqual([{ ...base, from: 10, to: 30, samples: 4 }]);
    journal.close();
  });
});

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
