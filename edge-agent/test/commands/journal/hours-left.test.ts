import { describe, expect, it } from 'vitest';
import { emptyDepth } from '../../../src/commands/journal/depth.ts';
import { hoursLeft } from '../../../src/commands/journal/hours-left.ts';

const now = 1_790_000_000_000_000;
const hour = 3_600_000_000;
const bounds = { maxBytes: 1_000, keepFreeBytes: 100, keepConfirmedForMs: 0 };
const disk = { freeBytes: 10_000, totalBytes: 1_000_000 };

const file = (sizeBytes: number, batches: number, oldestAt: number | null = now - hour) => ({
  ...emptyDepth,
  sizeBytes,
  batches,
  unconfirmed: { ...emptyDepth.unconfirmed, batches, oldestAt: batches > 0 ? oldestAt : null },
});

describe('hours left', () => {
  it('ends at the bound of the files, of which the confirmed ones go at no loss', () => {
    const files = [file(300, 0), file(200, 2), file(100, 0)];
    expect(hoursLeft(bounds, files, 50, disk, 100, now)).toEqual({ hours: 7, by: 'maxBytes' });
  });

  it('ends where the disk has less left than is left to others', () => {
    const files = [file(300, 0), file(200, 2), file(100, 1)];
    const nearlyFull = { freeBytes: 150, totalBytes: 1_000_000 };
    expect(hoursLeft(bounds, files, 50, nearlyFull, 100, now)).toEqual({ hours: 4, by: 'keepFreeBytes' });
    const small = { freeBytes: 150, totalBytes: 1_000 };
    expect(hoursLeft(bounds, files, 50, small, 100, now)).toEqual({ hours: 4.5, by: 'keepFreeBytes' });
  });

  it('ends when the oldest has the age that is kept, also where nothing arrives', () => {
    const aged = { ...bounds, maxAgeMs: 3 * 3_600_000 };
    expect(hoursLeft(aged, [file(200, 2)], 0, disk, null, now)).toEqual({ hours: 2, by: 'maxAgeMs' });
    expect(hoursLeft(aged, [file(200, 2, now - 5 * hour)], 0, disk, null, now)).toEqual({ hours: 0, by: 'maxAgeMs' });
  });

  it('is not known where nothing arrives and nothing is too old', () => {
    expect(hoursLeft(bounds, [file(200, 2)], 0, disk, null, now)).toBeNull();
    expect(hoursLeft({ ...bounds, maxAgeMs: 60_000 }, [file(200, 0)], 0, disk, null, now)).toBeNull();
  });
});
