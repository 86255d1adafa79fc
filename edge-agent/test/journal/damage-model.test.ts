import { cpSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Declaration,
  hasNumber,
  type Ranges,
  subtractRanges,
  type TagClass,
  unionRanges,
} from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BatchId } from '../../src/journal/batches.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { JournalOptions } from '../../src/journal/options.ts';
import { type Damage, damage } from '../helpers/damage.ts';
import { imageOf, segmentFiles } from '../helpers/folder.ts';
import { allBatches, decoded, handClock, openJournal, samplesOf } from '../helpers/journal.ts';

const opening = fc.record({
  flushes: fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 12 }),
  compression: fc.constantFrom('none' as const, 'zstd' as const),
  confirmed: fc.nat(4),
});
const at = fc.double({ min: 0, max: 0.9999, noNaN: true });
const damages = fc.array(
  fc.record({
    file: fc.nat(),
    what: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('flip' as const), at, bits: fc.integer({ min: 1, max: 255 }) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('zero' as const), at, pages: fc.integer({ min: 1, max: 40 }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('truncate' as const), at }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const) }) },
    ),
  }),
  { minLength: 1, maxLength: 4 },
);
const history = fc.record({
  openings: fc.array(opening, { minLength: 1, maxLength: 3 }),
  end: fc.constantFrom('in order' as const, 'killed' as const),
  damages,
  startSalvageMs: fc.constantFrom(0, 500),
  /** Segments that go soon, and leave their logs to others; else all are kept. */
  passesLogs: fc.boolean(),
  classes: fc.constantFrom<readonly TagClass[]>(['process'], ['process', 'alarm']),
});

type History = {
  readonly openings: readonly { flushes: readonly number[]; compression: 'none' | 'zstd'; confirmed: number }[];
  readonly end: 'in order' | 'killed';
  readonly passesLogs: boolean;
  readonly classes: readonly TagClass[];
};
type Clock = ReturnType<typeof handClock>;
type Known = { readonly bytes: Buffer; readonly encodedAt: number };
/** Stream → batches by number, and what the cloud has confirmed. */
type Written = Map<string, { readonly batches: Map<number, Known>; confirmed: Ranges }>;

type Kind = Pick<History, 'passesLogs' | 'classes'>;
const options = (clock: Clock, { passesLogs, classes }: Kind): Partial<JournalOptions> =>
  passesLogs
    ? { clock, classes, segmentBytes: 1024 ** 2, maxAgeMs: 4 * 2_500, keepConfirmedForMs: 0 }
    : { clock, classes, segmentBytes: 20_000 * classes.length, keepConfirmedForMs: 1e12 };

/**
 * Gives the files that were just written the time of the test's clock. No system call does so for the time at which a file was made:
 * that is kept in `madeAt`, by the name of the segment.
 */
function byClock(folder: string, clock: Clock, madeAt: Map<string, number>): void {
  const at = new Date(clock.now() / 1_000);
  for (const file of readdirSync(folder)) {
    const path = join(folder, file);
    if (statSync(path).mtimeMs > at.getTime()) utimesSync(path, at, at);
    if (file.endsWith('.segment') && !madeAt.has(file)) madeAt.set(file, clock.now());
  }
}

/** Writes the openings one after the other; the last one is left as a kill leaves it, or closed. */
function write(folder: string, { openings, end, ...kind }: History, clock: Clock) {
  const written: Written = new Map();
  const madeAt = new Map<string, number>();
  let image = folder;
  for (const [index, { flushes, compression, confirmed }] of openings.entries()) {
    const journal = openJournal(folder, { ...options(clock, kind), compression });
    const own = new Map(streamsOf(journal, kind).map((stream) => [stream, new Map<number, Known>()]));
    const keep = ({ stream, seq }: BatchId): void => {
      const bytes = journal.read(stream, seq)?.bytes ?? Buffer.alloc(0);
      own.get(stream)?.set(seq, { bytes, encodedAt: clock.now() });
    };
    const confirm = (through: (last: number) => number): void => {
      for (const [stream, batches] of own) {
        const ranges: Ranges = through(batches.size) > 0 ? [[1, through(batches.size)]] : [];
        journal.confirm(stream, ranges);
        written.set(stream, { batches, confirmed: ranges });
      }
    };
    for (const stream of own.keys()) keep({ stream, seq: 1 });
    byClock(folder, clock, madeAt);
    for (const samples of flushes) {
      clock.advanceMs(1_000);
      for (const tagClass of withNews(samples, kind)) journal.record(samplesOf(samples), 0, tagClass);
      for (const batch of journal.flush()) keep(batch);
      byClock(folder, clock, madeAt);
      if (kind.passesLogs) confirm((last) => last - confirmed);
    }
    confirm((last) => (kind.passesLogs ? last - confirmed : Math.min(last, confirmed)));
    clock.advanceMs(1_000);
    if (index === openings.length - 1 && end === 'killed') {
      image = temporaryFolder();
      cpSync(folder, image, { recursive: true, preserveTimestamps: true });
    }
    journal.close();
    byClock(folder, clock, madeAt);
    clock.advanceMs(1_000);
  }
  return { written, image, madeAt };
}

/** The streams of an opening. */
const streamsOf = (journal: Journal, { classes }: Kind): readonly string[] =>
  journal
    .streams()
    .slice(-classes.length)
    .map(({ stream }) => stream);

/** Of several classes each has news now and then. */
const withNews = (samples: number, { classes }: Kind): readonly TagClass[] =>
  classes.filter((_, index) => classes.length === 1 || samples % (3 + index) !== 0);

type FileTimes = readonly { readonly madeAt: number; readonly writtenAt: number }[];

const timesOf = (folder: string, madeAt: ReadonlyMap<string, number>): FileTimes =>
  segmentFiles(folder).map((file) => {
    const written = [file, `${file}-wal`].map(
      (each) => statSync(join(folder, each), { throwIfNoEntry: false })?.mtimeMs,
    );
    return { madeAt: madeAt.get(file) ?? 0, writtenAt: Math.round(Math.max(...written.map((at = 0) => at)) * 1_000) };
  });

/**
 * Whatever is there, but the newest segment for the hand that deletes: its going is like the return of an older copy. Nor the log of
 * one class of several: where that ends before its time, nobody can tell that from a class that had no news.
 */
function strike(folder: string, choice: number, what: Damage, { classes }: Kind): string {
  const newest = segmentFiles(folder).at(-1);
  const files = readdirSync(folder).filter(
    (file) =>
      (file.includes('.segment') || file === 'spare-log') &&
      !(what.do === 'remove' && file === newest) &&
      !(classes.length > 1 && file.endsWith('-wal')),
  );
  const file = files.sort()[choice % Math.max(1, files.length)];
  if (file === undefined) return '';
  const { mtime } = statSync(join(folder, file));
  damage(join(folder, file), what);
  if (what.do !== 'remove') utimesSync(join(folder, file), mtime, mtime);
  return file;
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
    const made = times.filter(({ writtenAt }) => writtenAt === each.from).map(({ madeAt }) => madeAt);
    return { ...each, from: Math.min(...made), to: each.from };
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
): void {
  for (const [stream, { batches, confirmed }] of written) {
    const [given, lost] = [read.get(stream) ?? [], rangesIn(declared, stream)];
    for (const [seq, { encodedAt }] of batches) {
      const [isRead, isLost] = [hasNumber(given, seq), hasNumber(lost, seq)];
      expect(isRead && isLost, `${stream}/${seq} is read and declared`).toBe(false);
      const isSaid =
        isRead || isLost || hasNumber(confirmed, seq) || coversTime(declared, encodedAt) || isForgotten(stream);
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

it('gives each batch of a damaged journal with its own bytes or declares it, and does so once', () => {
  fc.assert(
    fc.property(history, ({ damages, startSalvageMs, ...story }) => {
      const clock = handClock();
      const { written, image, madeAt } = write(temporaryFolder(), story, clock);
      const struck = damages.map(({ file, what }) => strike(image, file, what, story));
      const isForgotten = forgottenBy(image, struck);
      const times = timesOf(image, madeAt);
      const journal = openJournal(image, { ...options(clock, story), startSalvageMs });
      const read = drain(journal, written);
      const declared = sinceMade(declaredIn(journal, written), times);
      agrees(written, read, declared, isForgotten);
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
