import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import { allBatches, current, decoded, handClock, openJournal, samplesOf } from '../helpers/journal.ts';

describe('a folder that cannot be written', () => {
  it('costs no sample: batches wait in memory as a volatile stream and go to the disk when that is back', () => {
    const parent = temporaryFolder();
    const folder = join(parent, 'journal');
    writeFileSync(folder, 'in the way');
    const clock = handClock();
    const journal = openJournal(folder, { clock });
    expect(journal.trouble()).toContain('cannot be written');
    journal.record(samplesOf(3), 1);
    const [batch] = journal.flush();
    const waiting = decoded(batch?.bytes ?? Buffer.alloc(0));
    expect(waiting).toMatchObject({ seq: 1, volatile: true, previous: null, sent: 3 });
    expect(journal.read(waiting.stream, 1)?.bytes).toEqual(batch?.bytes);
    rmSync(folder);
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toBeNull();
    journal.close();
    const after = openJournal(folder);
    expect(after.read(waiting.stream, 1)?.bytes).toEqual(batch?.bytes);
    const firsts = allBatches(after).filter(({ seq, volatile }) => seq === 1 && !volatile);
    expect(firsts.map(({ previous }) => previous)).toEqual([null, { stream: firsts[0]?.stream, lastSeq: 1 }]);
    after.close();
  });

  it('drops the oldest from memory at its bound, and declares it', () => {
    const parent = temporaryFolder();
    const folder = join(parent, 'journal');
    writeFileSync(folder, 'in the way');
    const journal = openJournal(folder, { memoryBytes: 20_000 });
    let given = 0;
    for (let round = 0; round < 20; round++) {
      journal.record(samplesOf(1_000), 0);
      given += 1_000;
      journal.flush();
    }
    journal.flush();
    const held = allBatches(journal);
    const sent = held.reduce((sum, batch) => sum + batch.sent, 0);
    const declared = held.flatMap((batch) => batch.declared);
    expect(declared.length).toBeGreaterThan(0);
    for (const one of declared) {
      const read = one.to * 1_000;
      expect(one).toMatchObject({ reason: 'memory-bound', counts: { read, filtered: 0 } });
    }
    expect(sent + declared.reduce((sum, { samples }) => sum + (samples ?? 0), 0)).toBe(given);
    journal.close();
  });

  it('keeps the number of the batch whose writing failed, and begins a new opening afterwards', () => {
    const folder = temporaryFolder();
    const clock = handClock();
    const journal = openJournal(folder, { clock, segmentBytes: 60_000 });
    const { stream } = current(journal);
    journal.record(samplesOf(7_000), 0);
    expect(journal.flush()).toHaveLength(1);
    // The next flush needs a new file: a folder in its place lets nobody make it.
    const blocker = join(folder, `00000002.${stream}.3.segment`);
    mkdirSync(blocker);
    journal.record(samplesOf(7), 0);
    const [failed] = journal.flush();
    expect(failed).toMatchObject({ stream, seq: 3, samples: 7 });
    // Killed now, the next opening would name number 2: the cloud has to know why.
    expect(decoded(failed?.bytes ?? Buffer.of())).toMatchObject({ stream, seq: 3, sent: 7, volatile: true });
    expect(journal.trouble()).not.toBeNull();
    journal.record(samplesOf(2), 0);
    expect(journal.flush()[0]).toMatchObject({ seq: 1, samples: 2 });
    expect(journal.read(stream, 2)?.samples).toBe(7_000);
    rmSync(blocker, { recursive: true });
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toBeNull();
    const first = allBatches(journal).find((batch) => batch.seq === 1 && batch.stream === current(journal).stream);
    expect(first?.previous).toEqual({ stream, lastSeq: 3 });
    journal.close();
    const after = openJournal(folder);
    expect(after.read(stream, 3)?.bytes).toEqual(failed?.bytes);
    expect(after.unconfirmed().samples).toBe(7_009);
    after.close();
  });
});
