/**
 * Which times of which tags may still miss values: on the disk before anything later is said of these tags, so that a start after a kill
 * knows what the one before it has not read yet. Invariants:
 *  - a line states a note whole, or that it is gone; of the lines of one number the last counts; one that was cut off never was;
 *  - what `write` has changed is on the medium when it returns, or else is tried again, and `trouble` says so;
 *  - the file is empty as long as nothing is noted, and written anew when it is too long for what it says.
 * Only the agent of its gateway writes it.
 */
import { closeSync, fdatasyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Micros } from '@fieldline/shared/contracts';
import type { Log } from '@fieldline/shared/runtime';
import { makeFolder } from '@fieldline/shared/runtime/make-folder';
import { z } from 'zod';
import type { DriverContext } from '../../driver.ts';

const noteSchema = z.object({
  device: z.string(),
  /** Those of one node, which share the gap. */
  tags: z.array(z.string()).min(1),
  from: z.int(),
  /** null: nobody knows yet. */
  to: z.int().nullable(),
  oursFrom: z.int(),
  /** Nobody has the values: it is to be declared. */
  isLost: z.boolean(),
});
const lineSchema = z.object({ id: z.int(), note: noteSchema.nullable() });

export type GapNote = Readonly<z.infer<typeof noteSchema>> & { readonly from: Micros };
export type GapChanges = ReadonlyMap<number, GapNote | null>;

export type GapNotes = {
  /** What is noted now, by its number. */
  readonly all: () => ReadonlyMap<number, GapNote>;
  /** A number that no note has. */
  readonly next: () => number;
  /** Synchronous: it returns when the medium has it. */
  readonly write: (changes: GapChanges) => void;
  /** Why what is noted may not be on the disk; null if it is. */
  readonly trouble: () => string | null;
};

/** A file of more lines is written anew, unless a quarter of them counts. */
const manyLines = 10_000;
/** One that is longer is none of ours. */
const mostBytes = 256 * 1024 * 1024;

export function openGapNotes(file: string, log: Log): GapNotes {
  let trouble: string | null = null;
  /** The file does not say what is noted, or a line of it was cut off: the next change writes it anew. */
  let isUntrue = false;
  let lines = 0;
  let noted = new Map<number, GapNote>();
  let last = 0;

  const fail = (error: unknown, message: string): void => {
    const reason = error instanceof Error ? error.message : String(error);
    if (trouble === null) log.error({ file, reason }, message);
    trouble = `${message} (${file}: ${reason})`;
    isUntrue = true;
  };

  try {
    ({ noted, last, lines } = readNotes(file));
    isUntrue = lines > 0;
  } catch (error) {
    fail(error, 'it cannot be read which times of OPC UA tags the start before has left to be read or declared');
  }

  const writeAnew = (): void => {
    makeFolder(dirname(file), 0o750);
    writeDurably(`${file}.new`, 'w', linesOf(noted));
    renameSync(`${file}.new`, file);
    lines = noted.size;
    isUntrue = false;
  };

  const append = (changes: GapChanges): void => {
    if (lines === 0) makeFolder(dirname(file), 0o750);
    writeDurably(file, noted.size === 0 ? 'w' : 'a', noted.size === 0 ? '' : linesOf(changes));
    lines = noted.size === 0 ? 0 : lines + changes.size;
  };

  return {
    all: () => noted,
    next: () => {
      last += 1;
      return last;
    },
    write: (changes) => {
      if (changes.size === 0 && trouble === null) return;
      for (const [id, note] of changes) {
        if (note === null) noted.delete(id);
        else noted.set(id, note);
      }
      try {
        const isLong = lines > manyLines && lines > 4 * noted.size;
        if (isUntrue || isLong) writeAnew();
        else append(changes);
        trouble = null;
      } catch (error) {
        fail(
          error,
          'it cannot be noted which times of OPC UA tags are to be read or declared: a kill now would hide them',
        );
      }
    },
    trouble: () => trouble,
  };
}

/** Of devices that the settings have no more: nobody asks their servers. */
export function declareForgotten(
  notes: GapNotes,
  devices: ReadonlySet<string>,
  { clock, declare, whenKept }: Pick<DriverContext, 'clock' | 'declare' | 'whenKept'>,
): void {
  const left = [...notes.all()].filter(([, { device }]) => !devices.has(device));
  const loss = { kind: 'series', samples: null, reason: 'outage' } as const;
  for (const [, { device, tags, from, to, oursFrom }] of left)
    for (const tag of tags)
      declare({
        ...loss,
        device,
        tag,
        from: Math.max(from, oursFrom),
        to: Math.max(from, oursFrom, to ?? clock.now()),
      });
  if (left.length > 0) whenKept(() => notes.write(new Map(left.map(([id]) => [id, null]))));
}

const linesOf = (notes: GapChanges): string =>
  [...notes].map(([id, note]) => `${JSON.stringify({ id, note })}\n`).join('');

function writeDurably(file: string, how: 'a' | 'w', text: string): void {
  const opened = openSync(file, how, 0o640);
  try {
    writeFileSync(opened, text);
    fdatasyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

/** Empty where there is no file. @throws where it cannot be read */
function readNotes(file: string): { noted: Map<number, GapNote>; last: number; lines: number } {
  const noted = new Map<number, GapNote>();
  let last = 0;
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > mostBytes) throw new Error('it is too large');
  const lines = bytes === 0 ? [] : readFileSync(file, 'utf8').split('\n');
  for (const line of lines) {
    const parsed = lineSchema.safeParse(parseLine(line));
    if (!parsed.success) continue;
    const { id, note } = parsed.data;
    last = Math.max(last, id);
    if (note === null) noted.delete(id);
    else noted.set(id, note);
  }
  return { noted, last, lines: lines.length };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
