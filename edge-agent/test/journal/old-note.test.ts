/** The newest file of a journal has the note that knows of the others. It may be the one that is damaged. */
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { temporaryFolder } from '@fieldline/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { damage } from '../helpers/damage.ts';
import { imageOf, isThinning, segmentFiles } from '../helpers/folder.ts';
import { allBatches, current, decoded, handClock, openJournal, samplesOf } from '../helpers/journal.ts';

/** Six files of one stream a minute apart, as a kill leaves them; when each was begun. */
function killed() {
  const folder = temporaryFolder();
  const clock = handClock();
  const journal = openJournal(folder, { clock, segmentBytes: 20_000 });
  const begunAt = [clock.now()];
  while (segmentFiles(folder).length < 6) {
    clock.advanceMs(60_000);
    journal.record(samplesOf(1_000), 0);
    journal.flush();
    if (segmentFiles(folder).length > begunAt.length) begunAt.push(clock.now());
  }
  const [image, lastAt] = [imageOf(folder), clock.now()];
  const { stream } = current(journal);
  journal.close();
  clock.advanceMs(60_000);
  return { image, clock, stream, begunAt, lastAt, files: segmentFiles(image) };
}

const declaredIn = (journal: Journal) => allBatches(journal).at(-1)?.declared ?? [];
const restartIn = (journal: Journal) => declaredIn(journal).find(({ reason }) => reason === 'restart');

/** With its log, which a kill leaves. */
function destroy(folder: string, file = ''): void {
  writeFileSync(join(folder, file), 'not a database');
  rmSync(join(folder, `${file}-wal`), { force: true });
}

describe('where the newest note is destroyed', () => {
  it('and a file that was begun since the one before is gone, all is declared since that was written', () => {
    const { image, clock, begunAt, files } = killed();
    destroy(image, files[5]);
    rmSync(join(image, files[4] ?? ''));
    const journal = openJournal(image, { clock });
    expect(restartIn(journal)).toMatchObject({ from: begunAt[3], to: clock.now() });
    journal.close();
  });

  it('but all other files are there, no more is declared than what came after the last batch that can be read', () => {
    const { image, clock, stream, files, begunAt } = killed();
    destroy(image, files[5]);
    const journal = openJournal(image, { clock });
    expect(restartIn(journal)).toMatchObject({ from: (begunAt[5] ?? 0) - 60_000_000, to: clock.now() });
    expect(declaredIn(journal).filter(({ kind }) => kind === 'batches')).toEqual([]);
    expect(journal.streams()[0]).toMatchObject({ stream, held: [[1, Number(files[5]?.split('.')[2]) - 1]] });
    journal.close();
  });

  it('with all others, the numbers before a file that can be named are declared, whoever may have confirmed them', () => {
    const { image, clock, stream, files } = killed();
    for (const file of files.slice(0, 4)) rmSync(join(image, file));
    for (const file of files.slice(4)) destroy(image, file);
    const journal = openJournal(image, { clock });
    expect(declaredIn(journal)).toContainEqual({
      kind: 'batches',
      stream,
      from: 1,
      to: Number(files[5]?.split('.')[2]) - 1,
      samples: null,
      reason: 'journal-damaged',
    });
    journal.close();
  });

  it.each([
    ['is whole, what it knows to be unsent is thinned', false],
    ['is destroyed, nothing counts as unsent, and so nothing is thinned', true],
  ])('or %s', async (_what, isDestroyed) => {
    const { image, clock, files } = killed();
    if (isDestroyed) destroy(image, files[5]);
    const journal = openJournal(image, { clock, maxBytes: 130_000, thinToMs: () => 10_000 });
    for (let flush = 0; flush < 30 || isThinning(image); flush++) {
      journal.flush();
      await setImmediate();
    }
    const reasons = allBatches(journal).flatMap(({ declared }) => declared.map(({ reason }) => reason));
    expect(reasons.includes('thinned')).toBe(!isDestroyed);
    journal.close();
  });
});

it('the end of a file that is damaged, of a class other than the newest, is declared where the note is older than it', () => {
  const [folder, clock, classes] = [temporaryFolder(), handClock(), ['process', 'alarm'] as const];
  const journal = openJournal(folder, { clock, classes });
  const encodedAt = new Map<number, number>();
  for (let flush = 0; flush < 20; flush++) {
    clock.advanceMs(10_000);
    for (const tagClass of classes) journal.record(samplesOf(50), 0, tagClass);
    for (const batch of journal.flush())
      if (decoded(batch.bytes).class === 'alarm') encodedAt.set(batch.seq, clock.now());
    // So the note is written now and then, but not at the end.
    if (flush === 9) journal.confirm(journal.streams()[0]?.stream ?? '', [[1, 2]]);
  }
  const image = imageOf(folder);
  journal.close();
  const [alarms = ''] = segmentFiles(image).filter((file) => file.includes('.alarm.'));
  const now = clock.now() / 1_000_000;
  const log = join(image, `${alarms}-wal`);
  damage(log, { do: 'zero', at: 0.5, pages: 2 });
  damage(log, { do: 'truncate', at: 0.8 });
  for (const file of [log, join(image, alarms)]) utimesSync(file, now, now);
  clock.advanceMs(10_000);
  const after = openJournal(image, { clock, classes });
  const { held = [] } = after.streams().find((each) => each.class === 'alarm') ?? {};
  const declared = allBatches(after).flatMap((batch) => batch.declared);
  const lost = [...encodedAt].filter(([seq]) => seq > (held.at(-1)?.[1] ?? 0));
  expect(lost.length).toBeGreaterThan(2);
  expect(
    lost.filter(([, at]) => !declared.some((each) => each.kind === 'series' && each.from <= at && at <= each.to)),
  ).toEqual([]);
  after.close();
});

it('a file that was begun in the same flush as the one with the newest note is known to it', () => {
  const [folder, clock, classes] = [temporaryFolder(), handClock(), ['process', 'alarm'] as const];
  const journal = openJournal(folder, { clock, classes, segmentBytes: 20_000 });
  while (segmentFiles(folder).length < 4) {
    clock.advanceMs(1_000);
    for (const tagClass of classes) journal.record(samplesOf(1_000), 0, tagClass);
    journal.flush();
  }
  clock.advanceMs(1_000);
  journal.record(samplesOf(1), 0, 'alarm');
  journal.flush();
  const image = imageOf(folder);
  journal.close();
  const begun = segmentFiles(image)[2] ?? '';
  const [, stream, first] = begun.split('.');
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(image, `${begun}${suffix}`));
  const after = openJournal(image, { clock, classes, segmentBytes: 20_000 });
  const declared = allBatches(after).flatMap((batch) => batch.declared);
  expect(declared).toContainEqual(
    expect.objectContaining({ kind: 'batches', stream, from: Number(first), to: Number(first) }),
  );
  after.close();
});
