import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { allBatches, current, openJournal, samplesOf } from '../helpers/journal.ts';

const segmentBytes = 16 * 1024 ** 2;
const logBytes = 1024 ** 2;
const spare = 'spare-log';

/** As much as about `logs` logs take, with all but the newest two confirmed where they shall be. */
function fill(journal: Journal, logs: number, isConfirmed: boolean): void {
  let written = 0;
  while (written < logs * logBytes) {
    journal.record(samplesOf(5_000), 0);
    const [{ stream, seq, bytes } = { stream: '', seq: 0, bytes: Buffer.alloc(0) }] = journal.flush();
    written += bytes.length;
    if (isConfirmed && seq > 2) journal.confirm(stream, [[1, seq - 2]]);
  }
}

const segmentsIn = (folder: string): string[] => readdirSync(folder).filter((file) => file.endsWith('.segment'));
const sizeOf = (folder: string, file: string): number => statSync(join(folder, file)).size;

it.each(['power-cut', 'process-crash'] as const)(
  'what is confirmed soon goes without being written twice, and leaves its log to the next segment (%s)',
  (survives) => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, { segmentBytes, survives });
    fill(journal, 4.5, true);
    const files = segmentsIn(folder);
    expect(files).toHaveLength(1);
    expect(sizeOf(folder, files[0] ?? '')).toBeLessThan(10_000);
    expect(sizeOf(folder, spare)).toBeGreaterThan(0.9 * logBytes);
    expect(sizeOf(folder, spare)).toBeLessThan(1.2 * logBytes);
    expect(readFileSync(join(folder, spare)).subarray(0, 32)).toEqual(Buffer.alloc(32));
    const { stream, held } = current(journal);
    // As a kill leaves it: the log of the segment has commits of former segments behind its own.
    const killed = temporaryFolder();
    cpSync(folder, killed, { recursive: true });
    const after = openJournal(killed, { segmentBytes });
    expect(after.streams().find((one) => one.stream === stream)?.held).toEqual(held);
    const batches = allBatches(after).filter((batch) => batch.stream === stream);
    expect(batches.map(({ seq }) => [seq, seq])).toEqual(
      held.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => [from + n, from + n])),
    );
    after.close();
    journal.close();
  },
);

it('what is not confirmed is folded in, and the segment goes on', () => {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { segmentBytes });
  fill(journal, 3.5, false);
  const files = segmentsIn(folder);
  expect(files).toHaveLength(1);
  expect(sizeOf(folder, files[0] ?? '')).toBeGreaterThan(2.5 * logBytes);
  expect(sizeOf(folder, `${files[0]}-wal`)).toBeLessThan(1.2 * logBytes);
  expect(readdirSync(folder)).not.toContain(spare);
  journal.close();
});

it('confirmed batches that are kept for a restored database are folded in too', () => {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { segmentBytes, keepConfirmedForMs: 3_600_000 });
  fill(journal, 2.5, true);
  expect(segmentsIn(folder)).toHaveLength(1);
  expect(current(journal).held[0]?.[0]).toBe(1);
  journal.close();
});

it('a spare log counts, and is used where it fits only', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, spare), Buffer.alloc(3 * logBytes));
  const journal = openJournal(folder, { segmentBytes });
  expect(readdirSync(folder)).not.toContain(spare);
  fill(journal, 0.1, false);
  expect(allBatches(journal).length).toBeGreaterThan(1);
  journal.close();
});

it('what a kill left of a deletion is deleted by the next start', () => {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { segmentBytes });
  const [file = ''] = segmentsIn(folder);
  journal.close();
  const gone = file.replace(/^\d+/, '00000000');
  for (const suffix of ['-wal', '-shm']) writeFileSync(join(folder, `${gone}${suffix}`), 'rest');
  openJournal(folder, { segmentBytes }).close();
  expect(readdirSync(folder).filter((one) => one.startsWith(gone))).toEqual([]);
  expect(segmentsIn(folder)).toContain(file);
});
