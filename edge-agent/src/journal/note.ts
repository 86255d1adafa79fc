import { isRanges, type Ranges } from '@fieldline/shared/contracts';
import type { Clock } from '@fieldline/shared/runtime';
import { z } from 'zod';

/**
 * What a segment remembers beside its batches; the newest segment has the newest note. Written now and then, so it may be
 * behind: a confirmation that is forgotten costs a re-send, which the cloud drops.
 */
const noteSchema = z.object({
  /** The agent ended in order: nothing was read after the last batch. */
  closed: z.boolean(),
  /** Of the database whose acknowledgements these are. */
  incarnation: z.string().nullable(),
  confirmed: z.array(z.tuple([z.string(), z.custom<Ranges>(isRanges)])),
});
export type Note = z.infer<typeof noteSchema>;

export const emptyNote: Note = { closed: false, incarnation: null, confirmed: [] };

/** A note that cannot be read counts as none. */
export function parseNote(text: string | null): Note {
  if (text === null) return emptyNote;
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    return emptyNote;
  }
}

/** How far the note on the disk may be behind. */
const noteEveryMs = 5_000;

/** Keeps the note of the present opening, and knows when it is worth writing. */
export class NoteKeeper {
  incarnation: string | null = null;
  private readonly clock: Clock;
  private readonly confirmed: () => Note['confirmed'];
  private isBehind = false;
  private writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, confirmed: () => Note['confirmed']) {
    this.clock = clock;
    this.confirmed = confirmed;
  }

  changed(): void {
    this.isBehind = true;
  }

  get isDue(): boolean {
    return this.isBehind && this.clock.monotonicMs() - this.writtenAtMs >= noteEveryMs;
  }

  written(): void {
    this.isBehind = false;
    this.writtenAtMs = this.clock.monotonicMs();
  }

  text(closed = false): string {
    const note: Note = { closed, incarnation: this.incarnation, confirmed: this.confirmed() };
    return JSON.stringify(note);
  }
}
