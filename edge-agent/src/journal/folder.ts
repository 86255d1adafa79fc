import { defaultClass } from '@fieldline/shared/contracts';
import { type Log, makeFolder } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import { lostCounter } from './count-lost.ts';
import { Disk } from './disk.ts';
import type { DiskOptions } from './disk-options.ts';
import type { DamagedSegment } from './found.ts';
import { lockFolder } from './lock.ts';
import { type FoundNote, type Moment, type NewestNote, newestNote, oldNote } from './note.ts';
import { type Recovered, recover } from './recovery.ts';
import { damageInWords } from './salvage/damage-in-words.ts';
import type { Segment } from './segment.ts';
import { isDamage } from './trouble.ts';

export type Folder = Recovered & {
  readonly disk: Disk;
  readonly note: NewestNote;
  /** Lets another agent have it. */
  readonly release: () => void;
  /** Its files may be gone, but the folder and its lock are those that were taken. */
  readonly isInPlace: () => boolean;
  /** To be written again: makes it where it was deleted, and takes the lock anew. @throws as `openFolder` does */
  readonly regain: () => void;
};

/**
 * Takes possession of a journal folder and reads what the openings before this one have left.
 * A folder that can be read and not written is taken too: its batches can be sent.
 * @throws FieldlineError journal/in-use, journal/foreign; SqliteError or a system error where the folder cannot be read
 */
export function openFolder(options: DiskOptions, startedAt: Moment, log: Log): Folder {
  makeFolder(options.folder);
  let lock = lockFolder(options.folder);
  try {
    const disk = Disk.load(options);
    for (const found of disk.damaged) logDamaged(log, found);
    const note = noteOf(disk);
    return {
      disk,
      note,
      release: () => lock.release(),
      isInPlace: () => lock.isInPlace(),
      regain: () => {
        makeFolder(options.folder);
        if (lock.isInPlace() && lock.isExclusive) return;
        const former = lock;
        // A reader's lock on the same file would stand in the way of the writer's.
        if (!former.isExclusive) former.release();
        lock = lockFolder(options.folder);
        former.release();
      },
      ...recover(
        disk,
        note,
        {
          ...startedAt,
          classes: options.classes ?? [defaultClass],
          lag: (options.lagMs ?? 0) * 1_000,
        },
        lostCounter(disk),
      ),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A file that holds nothing was begun after the note was written. */
function noteOf(disk: Disk): NewestNote {
  const note = newestNote(notesOf(disk));
  return disk.endsWithNothing ? oldNote(note) : note;
}

/** Of each file that was found, newest first. */
function notesOf(disk: Disk): readonly FoundNote[] {
  const unread = [...disk.damaged.filter(({ segment }) => segment === null), ...disk.postponed];
  return [
    ...disk.segments.map((each) => ({ name: each.name, isWhole: !each.isSalvaged, text: () => noteIn(disk, each) })),
    ...unread.map(({ name }) => ({ name, isWhole: false, text: () => null })),
  ].sort((left, right) => right.name.number - left.name.number);
}

/** null where it cannot be relied on. */
function noteIn(disk: Disk, segment: Segment): string | null {
  try {
    return disk.use(segment).note();
  } catch (error) {
    if (!isDamage(error)) throw error;
    return null;
  }
}

/** Of a file that is damaged; `segment` is null where nothing in it can be proven. */
export function logDamaged(
  log: Log,
  { name, error, segment }: Pick<DamagedSegment, 'name' | 'error' | 'segment'>,
): void {
  const held = segment?.held ?? [];
  // What is wrong is said as `journal verify` says it; the error is what was met first, which depends on where one begins to read.
  const { reason: met, ...others } = errorFields(error);
  const fields = { ...others, ...name, reason: damageInWords(name.first, held), met };
  if (held.length === 0)
    log.error(fields, 'a file of the journal is damaged, and nothing in it can be proven: set aside and declared');
  else
    log.error(
      { ...fields, held },
      'a file of the journal is damaged: what can be proven of it is sent, the rest is declared',
    );
}
