import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics, type Log } from '@fieldline/shared/runtime';
import { describeWith, mountedDisk, temporaryFolder } from '@fieldline/shared/testing';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { damage } from '../helpers/damage.ts';
import { segmentFiles } from '../helpers/folder.ts';
import { allBatches, current, decoded, handClock, openJournal, samplesOf } from '../helpers/journal.ts';
import { smallDisk } from '../helpers/small-disk.ts';

type Line = { level: string; msg: string; code?: string; batches?: number; samples?: number };

function listeningLog(): { lines: Line[]; log: Log } {
  const lines: Line[] = [];
  const log = pino(
    { formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  return { lines, log };
}

/** Three batches of 10 samples and the first one, as a kill leaves them: in the log of their segment. */
function killedIn(folder: string, clock = handClock()) {
  const original = temporaryFolder();
  const journal = openJournal(original, { clock });
  const flushed = [1, 2, 3].flatMap(() => {
    journal.record(samplesOf(10), 0);
    return journal.flush();
  });
  cpSync(original, folder, { recursive: true });
  const { stream } = current(journal);
  journal.close();
  return { stream, flushed };
}

const removeIndex = (folder: string): void => {
  for (const file of readdirSync(folder)) if (file.endsWith('-shm')) rmSync(join(folder, file));
};

const metricOf = async (metrics: ReturnType<typeof createMetrics>, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics.text())?.[1]);

describeWith(mountedDisk, 'an agent that starts on a disk that takes nothing', () => {
  it.each(['a kill', 'a power cut'])('gives the batches that %s left on a full disk, and says so', async (end) => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    const { stream, flushed } = killedIn(folder);
    if (end === 'a power cut') removeIndex(folder);
    disk.fill();
    const clock = handClock();
    const metrics = createMetrics();
    const { lines, log } = listeningLog();
    const journal = openJournal(folder, { clock, log, metrics });
    expect(journal.trouble()).toMatch(
      /cannot be written .*new batches wait in memory, at most 1 MB.*; 4 batches in it \(30 samples\) can be read and are sent as ever/,
    );
    expect(lines).toMatchObject([{ level: 'error', code: 'journal/unwritable', batches: 4, samples: 30 }]);
    expect(lines[0]?.msg).toBe(journal.trouble());
    expect(await metricOf(metrics, 'fieldline_journal_volatile')).toBe(1);
    expect(await metricOf(metrics, 'fieldline_journal_unread')).toBe(0);
    expect(await metricOf(metrics, 'fieldline_journal_unconfirmed_samples')).toBe(30);
    for (const { seq, bytes } of flushed) expect(journal.read(stream, seq)?.bytes).toEqual(bytes);
    journal.close();
  });

  it('remembers what is confirmed meanwhile, and goes on on the disk when that has room', () => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    const { stream } = killedIn(folder);
    disk.fill();
    const clock = handClock();
    const journal = openJournal(folder, { clock });
    journal.record(samplesOf(5), 0);
    const [waiting] = journal.flush();
    journal.confirm(stream, [[1, 4]]);
    expect(journal.unconfirmed()).toEqual({ batches: 1, samples: 5 });
    expect(journal.trouble()).toContain('nothing in it waits to be sent');
    disk.makeRoom();
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toBeNull();
    expect(journal.streams().map((held) => held.stream)).not.toContain(stream);
    const batches = allBatches(journal);
    expect(batches.find(({ seq, volatile }) => seq === 1 && !volatile)?.previous).toEqual({ stream, lastSeq: 4 });
    expect(batches.find(({ volatile }) => volatile)).toMatchObject({ stream: waiting?.stream, seq: 1, sent: 5 });
    journal.close();
    const after = openJournal(folder);
    expect(after.read(waiting?.stream ?? '', 1)?.bytes).toEqual(waiting?.bytes);
    after.close();
  });

  it('goes back to the disk within a second of others having made room, or the cloud', () => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    const { stream } = killedIn(folder);
    disk.fill();
    const clock = handClock();
    const journal = openJournal(folder, { clock });
    const flushAfterMs = (ms: number): string | null => {
      clock.advanceMs(ms);
      journal.flush();
      return journal.trouble();
    };
    for (const ms of [5_000, 10_000, 20_000]) expect(flushAfterMs(ms)).not.toBeNull();
    expect(flushAfterMs(1_000)).not.toBeNull();
    journal.confirm(stream, [[1, 4]]);
    expect(flushAfterMs(1)).toBeNull();
    journal.close();
    disk.fill();
    const again = openJournal(folder, { clock });
    expect(again.trouble()).not.toBeNull();
    disk.makeRoom();
    clock.advanceMs(1_000);
    again.flush();
    expect(again.trouble()).toBeNull();
    again.close();
  });

  it('makes no two streams that name one predecessor, however often it starts there', () => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    const { stream } = killedIn(folder);
    disk.fill();
    const named: unknown[] = [];
    for (let start = 0; start < 2; start++) {
      const journal = openJournal(folder);
      journal.record(samplesOf(1), 0);
      const first = journal.flush().map(({ bytes }) => decoded(bytes))[0];
      expect(first).toMatchObject({ seq: 1, volatile: true, declared: [{ reason: 'restart' }] });
      named.push(first?.previous);
      journal.close();
    }
    disk.makeRoom();
    const journal = openJournal(folder);
    named.push(allBatches(journal).at(-1)?.previous);
    expect(named).toEqual([null, null, { stream, lastSeq: 4 }]);
    expect(journal.unconfirmed()).toEqual({ batches: 5, samples: 30 });
    journal.close();
  });

  it('gives the batches of a read-only disk, and has the folder for itself once it can be written', () => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    const { stream, flushed } = killedIn(folder);
    disk.makeReadOnly();
    const clock = handClock();
    const journal = openJournal(folder, { clock });
    expect(journal.trouble()).toContain('4 batches in it (30 samples) can be read');
    for (const { seq, bytes } of flushed) expect(journal.read(stream, seq)?.bytes).toEqual(bytes);
    disk.makeWritable();
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toBeNull();
    expect(() => openJournal(folder)).toThrow('another agent uses the journal folder');
    journal.close();
  });

  it('leaves a folder alone that another agent reads, once it can be written', () => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    killedIn(folder);
    disk.makeReadOnly();
    const journal = openJournal(folder);
    disk.makeWritable();
    expect(() => openJournal(folder)).toThrow('another agent uses the journal folder');
    journal.close();
    openJournal(folder).close();
  });

  it('says that what is there cannot be read where that is so, and gives it when it can', async () => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    const { stream, flushed } = killedIn(folder);
    removeIndex(folder);
    disk.makeReadOnly();
    const clock = handClock();
    const metrics = createMetrics();
    const { lines, log } = listeningLog();
    const journal = openJournal(folder, { clock, log, metrics });
    expect(journal.trouble()).toContain('cannot be read either, and is sent when it can');
    expect(lines).toMatchObject([{ level: 'error', code: 'journal/unwritable', msg: journal.trouble() }]);
    expect(await metricOf(metrics, 'fieldline_journal_unread')).toBe(1);
    disk.makeWritable();
    clock.advanceMs(60_000);
    journal.flush();
    expect(journal.trouble()).toBeNull();
    expect(await metricOf(metrics, 'fieldline_journal_unread')).toBe(0);
    for (const { seq, bytes } of flushed) expect(journal.read(stream, seq)?.bytes).toEqual(bytes);
    journal.close();
  });

  it('sends what can be proven of a damaged file of a read-only disk, and declares the rest once, when it can be written', () => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    const { stream, flushed } = killedIn(folder);
    openJournal(folder).close();
    const [damaged = ''] = segmentFiles(folder);
    damage(join(folder, damaged), { do: 'zero', at: 0, pages: 1 });
    const content = readFileSync(join(folder, damaged));
    const bytes = flushed[1]?.bytes ?? Buffer.alloc(0);
    // SQLite moves rows from page to page, and leaves what was there.
    for (let at = content.indexOf(bytes); at !== -1; at = content.indexOf(bytes, at + 1)) {
      damage(join(folder, damaged), { do: 'flip', at: (at + 0.5) / content.length, bits: 1 });
    }
    disk.makeReadOnly();
    const declaredBy = (journal: ReturnType<typeof openJournal>) =>
      allBatches(journal).flatMap(({ declared }) => declared.filter(({ reason }) => reason === 'journal-damaged'));
    const clock = handClock();
    for (let start = 0; start < 2; start++) {
      const journal = openJournal(folder, { clock });
      journal.record(samplesOf(1), 0);
      journal.flush();
      expect(declaredBy(journal)).toEqual([]);
      expect(journal.streams()[0]).toMatchObject({
        stream,
        held: [
          [1, 2],
          [4, 4],
        ],
      });
      if (start === 1) {
        disk.makeWritable();
        clock.advanceMs(60_000);
        journal.flush();
        expect(journal.trouble()).toBeNull();
        expect(declaredBy(journal)).toMatchObject([{ kind: 'batches', stream, from: 3, to: 3, samples: 10 }]);
      }
      journal.close();
    }
    const journal = openJournal(folder, { clock });
    expect(declaredBy(journal)).toHaveLength(1);
    journal.close();
  });

  it('passes over a damaged file of a read-only disk', () => {
    const disk = smallDisk();
    const folder = join(disk.folder, 'journal');
    const { stream } = killedIn(folder);
    const damaged = `00000002.${stream}.5.segment`;
    cpSync(join(import.meta.dirname, 'unwritable.test.ts'), join(folder, damaged));
    disk.makeReadOnly();
    const journal = openJournal(folder);
    expect(journal.trouble()).toContain('4 batches in it (30 samples) can be read');
    journal.record(samplesOf(1), 0);
    expect(journal.flush().map(({ bytes }) => decoded(bytes).sent)).toEqual([1]);
    journal.close();
  });

  it('counts what the disk holds at the moment when it is full, without the batch that it does not take', () => {
    const disk = smallDisk();
    const { lines, log } = listeningLog();
    const journal = openJournal(join(disk.folder, 'journal'), { log });
    journal.record(samplesOf(10), 0);
    journal.flush();
    disk.fill();
    for (let flush = 0; journal.trouble() === null && flush < 100; flush++) {
      journal.record(samplesOf(10), 0);
      journal.flush();
    }
    const onDisk = journal.unconfirmed().batches - 1;
    expect(lines).toMatchObject([{ code: 'journal/unwritable', batches: onDisk, samples: (onDisk - 1) * 10 }]);
    journal.close();
  });
});
