import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@fieldline/shared/testing';

/** Every file with its bytes and the time of its last change: equal before and after means that nobody touched it. */
export const contentOf = (folder: string): Record<string, { bytes: string; changed: bigint }> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((file) => [
        file,
        {
          bytes: readFileSync(join(folder, file)).toString('base64'),
          changed: statSync(join(folder, file), { bigint: true }).ctimeNs,
        },
      ]),
  );

/** The folder as a kill would leave it at this moment. */
export function imageOf(folder: string): string {
  const image = temporaryFolder();
  cpSync(folder, image, { recursive: true });
  return image;
}

/** A file of it is being thinned. */
export const isThinning = (folder: string): boolean => readdirSync(folder).some((file) => file.includes('.thinning'));

export const segmentFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.segment'))
    .sort();
