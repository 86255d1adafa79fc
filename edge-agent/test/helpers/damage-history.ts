/** Histories of a journal, made by chance, and what becomes of its files. */
import { cpSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Ranges, TagClass } from '@fieldline/shared/contracts';
import { temporaryFolder } from '@fieldline/shared/testing';
import fc from 'fast-check';
import type { BatchId } from '../../src/journal/batches.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { JournalOptions } from '../../src/journal/options.ts';
import { type handClock, openJournal, samplesOf } from './journal.ts';

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
export const history = fc.record({
  openings: fc.array(opening, { minLength: 1, maxLength: 3 }),
  end: fc.constantFrom('in order' as const, 'killed' as const),
  damages,
  startSalvageMs: fc.constantFrom(0, 500),
  /** Segments that go soon, and leave their logs to others; else all are kept. */
  passesLogs: fc.boolean(),
  classes: fc.constantFrom<readonly TagClass[]>(['process'], ['process', 'alarm']),
});

export type History = {
  readonly openings: readonly { flushes: readonly number[]; compression: 'none' | 'zstd'; confirmed: number }[];
  readonly end: 'in order' | 'killed';
  readonly passesLogs: boolean;
  readonly classes: readonly TagClass[];
};
export type Clock = ReturnType<typeof handClock>;
export type Known = { readonly bytes: Buffer; readonly encodedAt: number };
/** Stream → batches by number, and what the cloud has confirmed. */
export type Written = Map<string, { readonly batches: Map<number, Known>; confirmed: Ranges }>;

export type Kind = Pick<History, 'passesLogs' | 'classes'>;
export const options = (clock: Clock, { passesLogs, classes }: Kind): Partial<JournalOptions> =>
  passesLogs
    ? { clock, classes, segmentBytes: 1024 ** 2, segmentMs: 2_500, keepConfirmedForMs: 0 }
    : { clock, classes, segmentBytes: 20_000 * classes.length, keepConfirmedForMs: 1e12 };

/**
 * Gives the files that were just written the time of the test's clock. No system call does so for the time at which a file was made:
 * that is kept in `madeAt`, by the name of the segment.
 */
function byClock(folder: string, clock: Clock, madeAt: Map<string, number>, begunAt = clock.now()): void {
  const at = new Date(clock.now() / 1_000);
  for (const file of readdirSync(folder)) {
    const path = join(folder, file);
    if (statSync(path).mtimeMs > at.getTime()) utimesSync(path, at, at);
    if (file.endsWith('.segment') && !madeAt.has(file)) madeAt.set(file, begunAt);
  }
}

/** Writes the openings one after the other; the last one is left as a kill leaves it, or closed. */
export function write(folder: string, { openings, end, ...kind }: History, clock: Clock) {
  const written: Written = new Map();
  const madeAt = new Map<string, number>();
  let image = folder;
  let lastStreams: readonly string[] = [];
  for (const [index, { flushes, compression, confirmed }] of openings.entries()) {
    const openedAt = clock.now();
    const journal = openJournal(folder, { ...options(clock, kind), compression });
    lastStreams = streamsOf(journal, kind);
    const own = new Map(lastStreams.map((stream) => [stream, new Map<number, Known>()]));
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
    byClock(folder, clock, madeAt, openedAt);
    for (const samples of flushes) {
      clock.advanceMs(1_000);
      const flushedAt = clock.now();
      for (const tagClass of withNews(samples, kind)) journal.record(samplesOf(samples), 0, tagClass);
      for (const batch of journal.flush()) keep(batch);
      byClock(folder, clock, madeAt, flushedAt);
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
  return { written, image, madeAt, lastStreams };
}

/** The streams of an opening. */
export const streamsOf = (journal: Journal, { classes }: Kind): readonly string[] =>
  journal
    .streams()
    .slice(-classes.length)
    .map(({ stream }) => stream);

/** Of several classes each has news now and then. */
const withNews = (samples: number, { classes }: Kind): readonly TagClass[] =>
  classes.filter((_, index) => classes.length === 1 || samples % (3 + index) !== 0);
