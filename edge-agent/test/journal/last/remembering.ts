/** Journals that remember the last samples of the device `server`. */
import type { Sample, Tag, Value } from '@fieldline/shared/contracts';
import type { Journal } from '../../../src/journal/journal.ts';
import type { JournalOptions } from '../../../src/journal/options.ts';
import { imageOf } from '../../helpers/folder.ts';
import { openJournal } from '../../helpers/journal.ts';

export const noon = 1_790_000_000_000_000;
export const tagOf = (tag: string): Tag => ({ device: 'server', tag, type: 'float64' });
export const [slow, fast] = [tagOf('slow'), tagOf('fast')];
export const at = (tag: Tag, time: number, value: Value | null = time): Sample => ({
  tag,
  time: noon + time,
  value,
  quality: value === null ? 201 : 0,
});
export const open = (folder: string, changes: Partial<JournalOptions> = {}): Journal =>
  openJournal(folder, { isRemembered: (device) => device === 'server', ...changes });

export function write(journal: Journal, ...samples: Sample[]): void {
  journal.record(samples, 0);
  journal.flush();
}

export const many = (count: number, from: number): Sample[] =>
  Array.from({ length: count }, (_, n) => at(fast, from + n, Math.random()));

/** Of a kill at this moment, the next start. */
export function afterKill(folder: string, changes: Partial<JournalOptions> = {}): Journal {
  return open(imageOf(folder), changes);
}

export const lastTime = (journal: Journal, tag: Tag): number | null => {
  const last = journal.lastKept(tag);
  return last === null ? null : last.time - noon;
};
