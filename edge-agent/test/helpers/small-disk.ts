import { mountSmallDisk, type SmallDisk } from '@fieldline/shared/testing';
import { onTestFinished } from 'vitest';

/** For the running test alone. */
export function smallDisk(sizeBytes = 4 * 1024 ** 2): SmallDisk {
  const disk = mountSmallDisk(sizeBytes);
  onTestFinished(disk.close);
  return disk;
}
