import type { Micros } from '@fieldline/shared/contracts';
import { type Log, makeFolder } from '@fieldline/shared/runtime';
import { errorFields } from '../error-fields.ts';
import { Disk, type DiskOptions } from './disk.ts';
import { lockFolder } from './lock.ts';
import { type Note, parseNote } from './note.ts';
import { type Recovered, recover } from './recovery.ts';

export type Folder = Recovered & {
  readonly disk: Disk;
  readonly note: Note;
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
export function openFolder(options: DiskOptions, startedAt: Micros, log: Log): Folder {
  makeFolder(options.folder);
  let lock = lockFolder(options.folder);
  try {
    const disk = Disk.load(options);
    for (const { name, error } of disk.damaged) {
      log.error({ ...errorFields(error), ...name }, 'a file of the journal is damaged: set aside and declared');
    }
    const note = parseNote(disk.readNote());
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
      ...recover(disk.segments, disk.damaged, note, startedAt),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
