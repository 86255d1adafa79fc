/** What a note says of the end of a stream whose file may lack its last batches. Pure. */
import type { Micros, TagClass } from '@fieldline/shared/contracts';
import type { Note } from './note.ts';
import type { NotedEnd } from './segment-end.ts';
import type { Boot } from './undated/boot.ts';

/** Of a start: by the clock on the wall, and in the boot; the classes in use. */
export type Now = { readonly at: Micros; readonly boot: Boot; readonly classes: readonly TagClass[] };

export function notedEnd(stream: string, note: Note, now: Now): NotedEnd {
  const back = setBackBy(note, now);
  const numbers = [...note.held, ...note.confirmed].filter(([each]) => each === stream);
  const last = Math.max(0, ...numbers.map(([, ranges]) => ranges.at(-1)?.[1] ?? 0));
  return { last, at: (note.written?.at ?? 0) - back, setBackBy: back };
}

/** How far the clock was set back since the note was written: what was read after that, and lost, has earlier times. */
export function setBackBy({ written }: Note, { at, boot }: Now): Micros {
  if (written === null || written.boot !== boot.id) return 0;
  return Math.max(0, written.at + (boot.micros() - written.micros) - at);
}
