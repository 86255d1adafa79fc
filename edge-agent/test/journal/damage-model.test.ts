import { readdirSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type Declaration, hasNumber, type Ranges, subtractRanges, unionRanges } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { type Damage, damage } from '../helpers/damage.ts';
import { history, type Known, options, streamsOf, type Written, write } from '../helpers/damage-history.ts';
import { imageOf, segmentFiles } from '../helpers/folder.ts';
import { allBatches, decoded, openJournal, runningClock } from '../helpers/journal.ts';

type FileTimes = readonly { readonly madeAt: number; readonly writtenAt: number }[];

const timesOf = (folder: string, madeAt: ReadonlyMap<string, number>): FileTimes =>
  segmentFiles(folder).map((file) => {
    const written = [file, `${file}-wal`].map(
      (each) => statSync(join(folder, each), { throwIfNoEntry: false })?.mtimeMs,
    );
    return { madeAt: madeAt.get(file) ?? 0, writtenAt: Math.round(Math.max(...written.map((at = 0) => at)) * 1_000) };
  });

/** Whatever is there, but the newest segment for the hand that deletes: its going is like the return of an older copy. */
function strike(folder: string, choice: number, what: Damage): string {
  const newest = segmentFiles(folder).at(-1);
  const files = readdirSync(folder).filter(
    (file) => (file.includes('.segment') || file === 'spare-log') && !(what.do === 'remove' && file === newest),
  );
  const file = files.sort()[choice % Math.max(1, files.length)];
  if (file === undefined) return '';
  const { mtime } = statSync(join(folder, file));
  damage(join(folder, file), what);
  if (what.do === 'truncate' && file.endsWith('-wal')) cutWithinFrame(join(folder, file));
  if (what.do !== 'remove') utimesSync(join(folder, file), mtime, mtime);
  return file;
}

/** A log that ends with a whole commit before its time cannot be told from one that never had more. */
function cutWithinFrame(log: string): void {
  const { size } = statSync(log);
  if (size > 32 && (size - 32) % (24 + 512) === 0) truncateSync(log, size - 1);
}

/** Reads all that is held, as the uplink does, until nothing more turns out to be lost. */
function drain(journal: Journal, written: Written): Map<string, Ranges> {
  // Each flush looks into one file that the start had no time for.
  for (let flush = 0; flush < 20; flush++) journal.flush();
  for (;;) {
    const read = new Map<string, Ranges>();
    let missed: Ranges = [];
    for (const { stream, held } of journal.streams()) {
      const own = readable(journal, stream, held, written.get(stream)?.batches);
      read.set(stream, own);
      missed = unionRanges(missed, subtractRanges(held, own));
    }
    journal.flush();
    if (missed.length === 0) return read;
  }
}

function readable(journal: Journal, stream: string, held: Ranges, known: Map<number, Known> | undefined): Ranges {
  let read: Ranges = [];
  for (const [from, to] of held) {
    for (let seq = from; seq <= to; seq++) {
      const batch = journal.read(stream, seq);
      if (batch === null) continue;
      if (known !== undefined) expect(batch.bytes.equals(known.get(seq)?.bytes ?? Buffer.alloc(0))).toBe(true);
      expect(batch.samples).toBe(decoded(batch.bytes).sent);
      read = unionRanges(read, [[seq, seq]]);
    }
  }
  return read;
}

const declaredIn = (journal: Journal, written: Written): Declaration[] =>
  allBatches(journal)
    .filter(({ stream }) => !written.has(stream))
    .flatMap(({ declared }) => declared);

const rangesIn = (declared: readonly Declaration[], stream: string): Ranges =>
  declared.reduce<Ranges>(
    (ranges, each) =>
      each.kind === 'batches' && each.stream === stream ? unionRanges(ranges, [[each.from, each.to]]) : ranges,
    [],
  );

const coversTime = (declared: readonly Declaration[], time: number): boolean =>
  declared.some((each) => each.kind === 'series' && each.device === null && each.from <= time && time <= each.to);

/** What is declared since a file was made, as the file system says, until it was written last: by the test's clock. */
function sinceMade(declared: readonly Declaration[], times: FileTimes): readonly Declaration[] {
  const last = Math.max(...times.map(({ writtenAt }) => writtenAt)) + 3_600_000_000;
  return declared.map((each) => {
    if (each.kind !== 'series' || each.to < last) return each;
    // Of a log that is gone nobody knows when it was written last: until now.
    if (each.from >= last) return { ...each, from: Math.min(...times.map(({ madeAt }) => madeAt)) };
    const made = times.filter(({ writtenAt }) => each.from === writtenAt + 10_000).map(({ madeAt }) => madeAt);
    return made.length === 0 ? each : { ...each, from: Math.min(...made), to: each.from };
  });
}

/** A stream whose files are all gone, where every file that is left was struck: no note and no name tells of it. The cloud may. */
function forgottenBy(folder: string, struck: readonly string[]): (stream: string) => boolean {
  const left = segmentFiles(folder);
  const isAnyWhole = left.some((segment) => !struck.some((file) => file.startsWith(segment)));
  return (stream) => !isAnyWhole && !left.some((file) => file.includes(stream));
}

/** Every batch that was written can be read, or is declared; none is both. */
function agrees(
  written: Written,
  read: Map<string, Ranges>,
  declared: readonly Declaration[],
  isForgotten: (stream: string) => boolean,
  beginsFile: (stream: string, seq: number) => boolean,
): void {
  for (const [stream, { batches, confirmed }] of written) {
    const [given, lost] = [read.get(stream) ?? [], rangesIn(declared, stream)];
    for (const [seq, { encodedAt }] of batches) {
      const [isRead, isLost] = [hasNumber(given, seq), hasNumber(lost, seq)];
      expect(isRead && isLost, `${stream}/${seq} is read and declared`).toBe(false);
      // What is in it was read since the flush before. Of the first of a file the time of that file is all that may be left.
      const times = beginsFile(stream, seq) ? [encodedAt] : [encodedAt - 900_000, encodedAt];
      const isInTime = times.every((time) => coversTime(declared, time));
      const isSaid = isRead || isLost || hasNumber(confirmed, seq) || isInTime || isForgotten(stream);
      expect(isSaid, `${stream}/${seq} is neither read nor declared`).toBe(true);
    }
    for (const each of declared) {
      if (each.kind !== 'batches' || each.stream !== stream || each.samples === null) continue;
      let samples = 0;
      for (let seq = each.from; seq <= each.to; seq++)
        samples += decoded(batches.get(seq)?.bytes ?? Buffer.alloc(0)).sent;
      expect(each.samples, `samples of ${each.from} to ${each.to}`).toBe(samples);
    }
  }
}

/**
 * Nothing is declared by time that is older than the last batch that can be read of a stream of which a file was struck, and than the
 * flush before the last one. Not to be said where a file is gone, or nothing is left of a stream: then the note must tell, or nobody can.
 */
function declaresNoMore(
  written: Written,
  read: Map<string, Ranges>,
  declared: readonly Declaration[],
  struck: readonly string[],
  last: readonly string[],
): void {
  const timesOfRead = (stream: string): number[] =>
    [...(written.get(stream)?.batches ?? [])]
      .filter(([seq]) => hasNumber(read.get(stream) ?? [], seq))
      .map(([, { encodedAt }]) => encodedAt);
  const ofStruck = [...written.keys()].filter((stream) => struck.some((file) => file.includes(stream)));
  const known = [...new Set([...ofStruck, ...last])].map(timesOfRead);
  if (known.some((times) => times.length === 0)) return;
  const flushes = last.map(timesOfRead).map((times) => times.at(last.length === 1 ? -1 : -2) ?? times[0] ?? 0);
  const earliest = Math.min(Math.max(...flushes), ...ofStruck.map((stream) => timesOfRead(stream).at(-1) ?? 0));
  for (const each of declared) {
    // A flush takes a few milliseconds.
    if (each.kind === 'series') expect(each.from, 'declared since').toBeGreaterThanOrEqual(earliest - 50_000);
  }
}

it('gives each batch of a damaged journal with its own bytes or declares it, and does so once', () => {
  fc.assert(
    fc.property(history, ({ damages, startSalvageMs, ...story }) => {
      const clock = runningClock();
      const { written, image, madeAt, lastStreams } = write(temporaryFolder(), story, clock);
      const struck = damages.map(({ file, what }) => strike(image, file, what));
      const isForgotten = forgottenBy(image, struck);
      const times = timesOf(image, madeAt);
      const journal = openJournal(image, { ...options(clock, story), startSalvageMs });
      const read = drain(journal, written);
      const declared = sinceMade(declaredIn(journal, written), times);
      agrees(written, read, declared, isForgotten, (stream, seq) =>
        [...madeAt.keys()].some((file) => file.includes(`${stream}.${seq}.`)),
      );
      const isAnyGone = story.passesLogs || damages.some(({ what }) => what.do === 'remove');
      // Of a file of which nothing is left, the one before it tells when it began: unless that waits to be looked into as well.
      const isBeforeKnown = startSalvageMs > 0 || new Set(struck).size === 1;
      if (!isAnyGone && isBeforeKnown) declaresNoMore(written, read, declared, struck, lastStreams);
      const own = streamsOf(journal, story);
      // What was declared is known to be, even where the agent is killed next.
      const next = story.end === 'killed' ? imageOf(image) : image;
      journal.close();
      const again = openJournal(next, { ...options(clock, story), startSalvageMs });
      const readAgain = drain(again, written);
      for (const [stream, ranges] of read) {
        const known = [readAgain.get(stream) ?? [], written.get(stream)?.confirmed ?? []];
        expect(known.reduce(subtractRanges, ranges)).toEqual([]);
      }
      const later = allBatches(again).filter(({ stream }) => !written.has(stream) && !own.includes(stream));
      expect(later.flatMap((batch) => batch.declared).filter(({ reason }) => reason !== 'restart')).toEqual([]);
      again.close();
    }),
    { numRuns: 30, endOnFailure: true },
  );
}, 120_000);
