import { isRanges, type Ranges } from '@fieldline/shared/contracts';
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

export const noteText = (note: Note): string => JSON.stringify(note);

/** A note that cannot be read counts as none. */
export function parseNote(text: string | null): Note {
  if (text === null) return emptyNote;
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    return emptyNote;
  }
}
