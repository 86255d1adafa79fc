/** A journal that is nearly full: what was never sent is thinned before anything is dropped. */
import type { DecodedBatch, Sample } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import { expect, it } from 'vitest';
import type { Journal } from '../../../src/journal/journal.ts';
import { imageOf, isThinning } from '../../helpers/folder.ts';
import { allBatches, current, handClock, numberTag, openJournal } from '../../helpers/journal.ts';

const everyMs = 100;
const thinToMs = 10_000;
const perFlush = 100;
const options = { maxBytes: 1024 ** 2, segmentBytes: 64 * 1024, thinToMs: () => thinToMs };

/** Ten seconds of one tag in each flush. The file that is made of a segment is forced beside the loop. */
async function flush(journal: Journal, clock: ReturnType<typeof handClock>): Promise<void> {
  const samples = Array.from({ length: perFlush }, (_, index): Sample => {
    const time = clock.now() + index * everyMs * 1_000;
    return { tag: numberTag, time, value: Math.sin(time), quality: 0 };
  });
  clock.advanceMs(perFlush * everyMs);
  journal.record(samples, 0);
  journal.flush();
  await new Promise(setImmediate);
}

/** As long as nothing is read: what is thinned has as much time here as beside a plant that takes ten seconds for as much. */
async function idle(journal: Journal, folder: string): Promise<void> {
  for (let flushes = 0; flushes < 20 || isThinning(folder); flushes++) {
    journal.flush();
    await new Promise(setImmediate);
  }
}

const thinnedIn = (batches: readonly DecodedBatch[]): number =>
  batches
    .flatMap(({ declared }) => declared)
    .reduce((sum, { reason, samples }) => sum + (reason === 'thinned' ? (samples ?? 0) : 0), 0);

const droppedIn = (batches: readonly DecodedBatch[]): number =>
  batches
    .flatMap(({ declared }) => declared)
    .reduce((sum, { reason, samples }) => sum + (reason === 'disk-bound' ? (samples ?? 0) : 0), 0);

const sentIn = (batches: readonly DecodedBatch[]): number => batches.reduce((sum, { sent }) => sum + sent, 0);

it('keeps the whole time in fewer samples, and what was read is kept or declared', async () => {
  const [folder, clock] = [temporaryFolder(), handClock()];
  const journal = openJournal(folder, { ...options, clock });
  const flushes = 800;
  for (let n = 0; n < flushes; n++) {
    await flush(journal, clock);
    if (n % 10 === 0) await idle(journal, folder);
  }
  const batches = allBatches(journal);
  expect(droppedIn(batches)).toBe(0);
  expect(thinnedIn(batches)).toBeGreaterThan((flushes * perFlush) / 4);
  expect(sentIn(batches) + thinnedIn(batches)).toBe(flushes * perFlush);
  expect(batches.at(-1)?.read).toBe(flushes * perFlush);
  expect(journal.unconfirmed()).toEqual({ batches: flushes + 1, samples: sentIn(batches) });
  // The newest are as they were.
  expect(batches.at(-1)?.sent).toBe(perFlush);
  journal.close();
});

it('drops the oldest where that is not enough, and the balance still closes', async () => {
  const clock = handClock();
  const journal = openJournal(temporaryFolder(), { ...options, clock, thinToMs: () => 200 });
  const flushes = 1_500;
  for (let n = 0; n < flushes; n++) await flush(journal, clock);
  const batches = allBatches(journal);
  expect(droppedIn(batches)).toBeGreaterThan(0);
  expect(sentIn(batches) + thinnedIn(batches) + droppedIn(batches)).toBe(flushes * perFlush);
  journal.close();
});

it('leaves alone what was sent, or may have been, also after a kill', async () => {
  const folder = temporaryFolder();
  const clock = handClock();
  const journal = openJournal(folder, { ...options, clock });
  for (let n = 0; n < 400; n++) await flush(journal, clock);
  const { stream } = current(journal);
  const sent = [2, 100, 200];
  const before = new Map(sent.map((seq) => [seq, journal.read(stream, seq)?.bytes]));
  for (const seq of sent) journal.willSend(stream, seq);
  const image = imageOf(folder);
  journal.close();
  const after = openJournal(image, { ...options, clock });
  for (let n = 0; n < 900; n++) await flush(after, clock);
  expect(thinnedIn(allBatches(after))).toBeGreaterThan(0);
  for (const [seq, bytes] of before) {
    const now = after.read(stream, seq)?.bytes;
    if (now !== undefined) expect(now).toEqual(bytes);
  }
  // Those that nobody has sent are known to be so by the note.
  expect(after.read(stream, 300)?.samples ?? 0).toBeLessThan(perFlush);
  after.close();
});
