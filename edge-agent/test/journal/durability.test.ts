/** The medium is waited for beside the event loop: nothing is held, and so nothing is sent, before it has said yes. */
import { readdirSync } from 'node:fs';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredBatch } from '../../src/journal/batches.ts';
import { allBatches, current, openJournal, samplesOf } from '../helpers/journal.ts';

const forced = { survives: 'power-cut' as const };
const idsOf = (batches: readonly StoredBatch[]): string[] => batches.map(({ stream, seq }) => `${stream}/${seq}`);

describe('a flush beside the event loop', () => {
  it('is not held before it is on the medium, and held when it is given', async () => {
    const journal = openJournal(temporaryFolder(), forced);
    journal.record(samplesOf(5), 0);
    const flushing = journal.flushBeside();
    expect(current(journal)).toMatchObject({ last: 1, held: [[1, 1]] });
    expect(journal.unconfirmed()).toEqual({ batches: 1, samples: 0 });
    const [batch] = await flushing;
    expect(batch).toMatchObject({ seq: 2, samples: 5 });
    expect(current(journal)).toMatchObject({ last: 2, held: [[1, 2]] });
    expect(journal.unconfirmed()).toEqual({ batches: 2, samples: 5 });
    journal.close();
  });

  it('is over at once where a flush that waits for the medium comes meanwhile', async () => {
    const journal = openJournal(temporaryFolder(), forced);
    journal.record(samplesOf(5), 0);
    const flushing = journal.flushBeside();
    journal.record(samplesOf(6), 0);
    expect(journal.flush().map(({ seq, samples }) => [seq, samples])).toEqual([
      [2, 5],
      [3, 6],
    ]);
    expect(await flushing).toEqual([]);
    journal.close();
  });

  it('may still be under way at the end: nothing of it is lost', async () => {
    const folder = temporaryFolder();
    const journal = openJournal(folder, forced);
    journal.record(samplesOf(5), 0);
    const flushing = journal.flushBeside();
    journal.close();
    await flushing;
    const after = openJournal(folder);
    expect(allBatches(after).map(({ sent, declared }) => [sent, declared])).toEqual([
      [0, []],
      [5, []],
      [0, []],
    ]);
    after.close();
  });

  it('gives each batch once and in order, however flushes of both kinds overlap while files are filled and removed', async () => {
    const step = fc.record({
      samples: fc.integer({ min: 1, max: 900 }),
      how: fc.constantFrom('beside', 'waited', 'confirmed'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const folder = temporaryFolder();
        const journal = openJournal(folder, { ...forced, segmentBytes: 20_000, classes: ['process', 'alarm'] });
        const given: StoredBatch[] = [];
        const flushing: Promise<void>[] = [];
        for (const [index, { samples, how }] of steps.entries()) {
          journal.record(samplesOf(samples), 0, index % 3 === 0 ? 'alarm' : 'process');
          if (how === 'waited') given.push(...journal.flush());
          else flushing.push(journal.flushBeside().then((batches) => void given.push(...batches)));
          if (how === 'confirmed')
            for (const { stream, last } of journal.streams()) journal.confirm(stream, [[1, last]]);
          if (index % 5 === 4) await new Promise(setImmediate);
        }
        await Promise.all(flushing);
        const last = journal.streams().map((stream) => stream.last);
        expect(idsOf(given).toSorted()).toEqual([...new Set(idsOf(given))].toSorted());
        for (const [index, { stream }] of journal.streams().entries()) {
          const own = given.filter((batch) => batch.stream === stream).map(({ seq }) => seq);
          expect(own).toEqual(Array.from({ length: (last[index] ?? 0) - 1 }, (_, at) => at + 2));
        }
        expect(given.reduce((sum, { samples }) => sum + samples, 0)).toBe(
          steps.reduce((sum, { samples }) => sum + samples, 0),
        );
        journal.close();
        expect(readdirSync(folder).filter((file) => file.endsWith('-wal'))).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});
