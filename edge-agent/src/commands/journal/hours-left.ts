/** How long it takes until something must be dropped, if nothing were confirmed from now on. */
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import type { Micros } from '@fieldline/shared/contracts';
import { roomBytes, type Space } from '../../journal/space.ts';
import type { Depth } from './depth.ts';

export type JournalBounds = Pick<
  EdgeConfig['journal'],
  'maxBytes' | 'keepFreeBytes' | 'maxAgeMs' | 'keepConfirmedForMs'
>;
/** The bound that is met first. */
export type HoursLeft = { readonly hours: number; readonly by: 'maxBytes' | 'keepFreeBytes' | 'maxAgeMs' };

const hourMs = 3_600_000;

/**
 * `depths`: of the files, oldest first. Files set aside and confirmed ones go first and at no loss, so that only what waits is
 * in the way. null where neither a rate nor an age is known.
 */
export function hoursLeft(
  { maxBytes, keepFreeBytes, maxAgeMs }: JournalBounds,
  depths: readonly Depth[],
  otherBytes: number,
  disk: Space | null,
  bytesPerHour: number | null,
  now: Micros,
): HoursLeft | null {
  const sizeOf = (some: readonly Depth[]): number => some.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const newest = depths.at(-1);
  const stayBytes = sizeOf(depths.filter((each) => each === newest || each.unconfirmed.batches > 0));
  const found: HoursLeft[] = [];
  if (bytesPerHour !== null) {
    found.push({ hours: (maxBytes - stayBytes) / bytesPerHour, by: 'maxBytes' });
    const goesBytes = sizeOf(depths) + otherBytes - stayBytes;
    if (disk !== null)
      found.push({ hours: (roomBytes(disk, keepFreeBytes) + goesBytes) / bytesPerHour, by: 'keepFreeBytes' });
  }
  const oldestAt = depths.find(({ unconfirmed }) => unconfirmed.oldestAt !== null)?.unconfirmed.oldestAt ?? null;
  if (maxAgeMs !== undefined && oldestAt !== null)
    found.push({ hours: (maxAgeMs - (now - oldestAt) / 1_000) / hourMs, by: 'maxAgeMs' });
  const [first] = found.sort((left, right) => left.hours - right.hours);
  return first === undefined ? null : { ...first, hours: Math.max(0, Math.round(first.hours * 10) / 10) };
}
