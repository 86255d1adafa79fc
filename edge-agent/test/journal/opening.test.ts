import { cpSync } from 'node:fs';
import { isFieldlineError } from '@fieldline/shared/contracts';
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
