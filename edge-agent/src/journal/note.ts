import { crc32 } from 'node:zlib';
import { isRanges, type Ranges, type TagClass, unionRanges } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { z } from 'zod';
import type { NewBatch } from './batches.ts';
import { type Declaring, declaringIn, declaringSchema, stillDeclaring } from './declaring.ts';
import type { HeldStream } from './holdings.ts';
import type { NotedEnd } from './segment-end.ts';
import type { SegmentName } from './segment-name.ts';

const streamRanges = z.array(z.tuple([z.string(), z.custom<Ranges>(isRanges)]));

/** By the clock on the wall, and in µs of the boot. */
const moment = z.object({ at: z.int(), boot: z.string(), micros: z.int() });
export type Moment = Readonly<z.infer<typeof moment>>;

/**
 * What a segment remembers beside its batches; the newest note is in the newest segment of some class. Written now and then, so it may be
 * behind: a confirmation that is forgotten costs a re-send, which the cloud drops. Its JSON is followed by a checksum in a line
 * of its own: a flipped digit could confirm what nobody has.
 */
const noteSchema = z.object({
  /** Of the notes of a folder, the one with the highest is the newest; those of earlier versions have none. */
  number: z.int().default(0),
  /** The agent ended in order: nothing was read after the last batch. */
  closed: z.boolean(),
  /** Of the database whose acknowledgements these are. */
  incarnation: z.string().nullable(),
  /** Or declared as lost. */
  confirmed: streamRanges,
  /** What the files had, those of earlier openings too: a file that is gone is known by it. */
  held: streamRanges.default([]),
  /** In whole files of which nothing was ever sent. */
  unsent: streamRanges.default([]),
  /** How far the journal has got with samples that waited for the time, by file and class. */
  undated: z.record(z.string(), z.int()).default({}),
  /** The clock was not set yet; and since when the opening before has lost samples, to be declared when it is. */
  unset: z.object({ lostSince: z.int().nullable() }).nullable().default(null),
  /** What batches declare that are neither confirmed nor declared as lost. */
  declaring: z.array(declaringSchema).default([]),
  /** What was read until then is in batches of which it knows the numbers. */
  written: moment.nullable().default(null),
});
export type Note = z.infer<typeof noteSchema>;

export const emptyNote: Note = {
  number: 0,
  closed: false,
  incarnation: null,
  confirmed: [],
  held: [],
  unsent: [],
  undated: {},
  unset: null,
  declaring: [],
  written: null,
};

/** null where there is none that can be relied on. Those of earlier versions have no checksum. */
export function parseNote(text: string | null): Note | null {
  try {
    const [json = '', checksum] = text?.split('\n') ?? [];
    if (checksum !== undefined && checksum !== String(crc32(json))) return null;
    return noteSchema.parse(JSON.parse(json));
  } catch {
    return null;
  }
}

/** Of one file. `isWhole`: the file is not damaged, so that its note is the one that was written last. */
export type FoundNote = {
  readonly name: Pick<SegmentName, 'class' | 'number'>;
  readonly isWhole: boolean;
  readonly text: () => string | null;
};

export type NewestNote = Note & {
  /** The number of the file that has it; 0 where none has one. */
  readonly file: number;
  /** One that was newer may be gone: what was written, sent and confirmed since then is not in it. */
  readonly mayBeOld: boolean;
};

/**
 * The newest of a folder. `found`: of each file, newest first; only the newest of a class that can be relied upon is read. Where
 * the newest file of a class has none, nobody can know how the last opening ended.
 */
export function newestNote(found: Iterable<FoundNote>): NewestNote {
  const read = new Set<TagClass>();
  let newest: NewestNote = { ...emptyNote, file: 0, mayBeOld: false };
  let mayBeOld = false;
  for (const { name, isWhole, text } of found) {
    if (read.has(name.class)) continue;
    const note = parseNote(text());
    mayBeOld ||= note === null || !isWhole;
    if (note === null) continue;
    read.add(name.class);
    if (newest.file === 0 || note.number > newest.number) newest = { ...note, file: name.number, mayBeOld: false };
  }
  return mayBeOld ? oldNote(newest) : newest;
}

/** A note that may be old does not know how the last opening ended, nor what was sent since. */
export const oldNote = (note: NewestNote): NewestNote => ({ ...note, mayBeOld: true, closed: false, unsent: [] });

/** How far the note on the disk may be behind. */
const noteEveryMs = 5_000;

/** What the note says of the moment in which it is made. */
type Said = {
  readonly streams: () => readonly HeldStream[];
  readonly unsent: () => [string, Ranges][];
  readonly written: () => Note['written'];
};

/** Keeps the note of the present opening, and knows when it is worth writing. */
export class NoteKeeper {
  incarnation: string | null = null;
  /** Of the last one that was made. */
  number = 0;
  undated: Note['undated'] = {};
  unset: Note['unset'] = null;
  declaring: readonly Declaring[] = [];
  /** What files held that were not looked into yet. */
  expected: ReadonlyMap<string, Ranges> = new Map();
  /** Streams of such files of which nobody knows where they end, and what the note that was found says of them. */
  unknownEnds: ReadonlyMap<string, NotedEnd> = new Map();
  private readonly clock: Clock;
  private readonly said: Said;
  private isBehind = false;
  private writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, said: Said) {
    this.clock = clock;
    this.said = said;
  }

  changed(): void {
    this.isBehind = true;
  }

  /** With the next batch, however long ago it was written: what that batch declares shall not be declared again. */
  urgent(): void {
    this.isBehind = true;
    this.writtenAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Batches that are on the disk, or in memory. */
  wrote(batches: readonly NewBatch[]): void {
    const declaring = declaringIn(batches);
    if (declaring.length === 0) return;
    this.declaring = [...this.declaring, ...declaring];
    this.changed();
  }

  get isDue(): boolean {
    return this.isBehind && this.clock.monotonicMs() - this.writtenAtMs >= noteEveryMs;
  }

  /** Before a file goes: unnoted it would look like one that somebody deleted. */
  catchUp(write: (text: string) => void): void {
    if (!this.isBehind) return;
    write(this.text());
    this.written();
  }

  written(): void {
    this.isBehind = false;
    this.writtenAtMs = this.clock.monotonicMs();
  }

  text(closed = false): string {
    const streams = this.said.streams();
    this.number += 1;
    const confirmed = streams.map(({ stream, confirmed: own }): [string, Ranges] => [stream, own]);
    const held = streams.map(({ stream, held: own }): [string, Ranges] => [
      stream,
      unionRanges(own, this.expected.get(stream) ?? []),
    ]);
    this.declaring = stillDeclaring(this.declaring, new Map(held), new Map(confirmed));
    const note: Note = {
      number: this.number,
      closed,
      incarnation: this.incarnation,
      confirmed,
      held,
      unsent: this.said.unsent(),
      undated: this.undated,
      unset: this.unset,
      declaring: [...this.declaring],
      written: this.said.written(),
    };
    const json = JSON.stringify(note);
    return `${json}\n${crc32(json)}`;
  }
}
