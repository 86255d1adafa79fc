/** What a note says of the end of a stream whose file may lack its last batches. Pure. */
import type { Micros, TagClass } from '@fieldline/shared/contracts';
import type { Moment, Note } from './note.ts';
import type { NotedEnd } from './segment-end.ts';

/**
 * Of a start: by the clock on the wall, and in the boot, both read at one moment; the classes in use; how long after its own time a
 * sample may be given.
 */
export type Now = Moment & {
  readonly classes: readonly TagClass[];
  readonly lag?: Micros;
};

export function notedEnd(stream: string, note: Note, now: Now): NotedEnd {
  const back = earlierBy(note, now);
  const numbers = [...note.held, ...note.confirmed].filter(([each]) => each === stream);
  const last = Math.max(0, ...numbers.map(([, ranges]) => ranges.at(-1)?.[1] ?? 0));
  return { last, at: (note.written?.at ?? 0) - back, earlierBy: back };
}

/** Two clocks that are read one after the other differ by so much from time to time. */
const noise: Micros = 5_000;

/** How far before a flush the times of what was read after it may lie: samples are given after their time, and clocks are set back. */
export function earlierBy({ written }: Note, { at, boot, micros, lag = 0 }: Now): Micros {
  if (written === null || written.boot !== boot) return lag;
  const setBackBy = written.at + (micros - written.micros) - at;
  return setBackBy > noise ? lag + setBackBy : lag;
}
