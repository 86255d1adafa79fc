import { statfsSync } from 'node:fs';

/** Of a disk: what is left to us, and all there is. */
export type Space = { readonly freeBytes: number; readonly totalBytes: number };

const mostOfDisk = 1 / 20;

/** Of the disk that holds the folder. @throws a system error where the folder cannot be asked */
export function spaceOf(folder: string): Space {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** What is free beyond that which the settings leave to others; negative where it is less. A small disk keeps a twentieth. */
export const roomBytes = ({ freeBytes, totalBytes }: Space, keepFreeBytes: number): number =>
  freeBytes - Math.min(keepFreeBytes, totalBytes * mostOfDisk);
