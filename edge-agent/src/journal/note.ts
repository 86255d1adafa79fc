import { crc32 } from 'node:zlib';
import { isRanges, type Ranges, unionRanges } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { z } from 'zod';
import type { HeldStream } from './holdings.ts';

const streamRanges = z.array(z.tuple([z.string(), z.custom<Ranges>(isRanges)]));

/**
 * What a segment remembers beside its batches; the newest segment has the newest note. Written now and then, so it may be
 * behind: a confirmation that is forgotten costs a re-send, which the cloud drops. Its JSON is followed by a checksum in a line
 * of its own: a flipped digit could confirm what nobody has.
 */
const noteSchema = z.object({
  /** The agent ended in order: nothing was read after the last batch. */
  closed: z.boolean(),
  /** Of the database whose acknowledgements these are. */
  incarnation: z.string().nullable(),
  /** Or declared as lost. */
  confirmed: streamRanges,
  /** What the files had, those of earlier openings too: a file that is gone is known by it. */
  held: streamRanges.default([]),
});
export type Note = z.infer<typeof noteSchema>;

export const emptyNote: Note = { closed: false, incarnation: null, confirmed: [], held: [] };

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

/** How far the note on the disk may be behind. */
const noteEveryMs = 5_000;

/** Keeps the note of the present opening, and knows when it is worth writing. */
export class NoteKeeper {
  incarnation: string | null = null;
  /** What files held that were not looked into yet. */
  expected: ReadonlyMap<string, Ranges> = new Map();
  private readonly clock: Clock;
  private readonly streams: () => readonly HeldStream[];
  private isBehind = false;
  private writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, streams: () => readonly HeldStream[]) {
    this.clock = clock;
    this.streams = streams;
  }

  changed(): void {
    this.isBehind = true;
  }

  /** With the next batch, however long ago it was written: what that batch declares shall not be declared again. */
  urgent(): void {
    this.isBehind = true;
    this.writtenAtMs = Number.NEGATIVE_INFINITY;
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
    const streams = this.streams();
    const note: Note = {
      closed,
      incarnation: this.incarnation,
      confirmed: streams.map(({ stream, confirmed }) => [stream, confirmed]),
      held: streams.map(({ stream, held }) => [stream, unionRanges(held, this.expected.get(stream) ?? [])]),
    };
    const json = JSON.stringify(note);
    return `${json}\n${crc32(json)}`;
  }
}
