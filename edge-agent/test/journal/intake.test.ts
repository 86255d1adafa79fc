import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { allBatches, current, decoded, openJournal, samplesOf } from '../helpers/journal.ts';

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
