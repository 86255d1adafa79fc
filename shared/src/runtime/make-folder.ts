import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder, and those above it that are missing. `mkdirSync` with `recursive` never returns where a file system has
 * the parent but lets nothing be made in it (/proc, Node 24): this gives the system's error.
 */
export function makeFolder(folder: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let path = resolve(folder); !existsSync(path); path = dirname(path)) missing.unshift(path);
  if (missing.length === 0 && !statSync(folder).isDirectory()) throw notAFolder(resolve(folder));
  for (const path of missing) {
    try {
      mkdirSync(path, mode);
    } catch (error) {
      // Somebody else made it in the meantime.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

const notAFolder = (path: string): Error =>
  Object.assign(new Error(`${path} is a file: a folder is needed there`), { code: 'ENOTDIR', syscall: 'mkdir', path });
