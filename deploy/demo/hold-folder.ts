import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FieldlineError } from '@fieldline/shared/contracts';
import { makeFolder } from '@fieldline/shared/runtime';

/** Makes the data folder. One run per folder: gives the function that lets it go. */
export function holdFolder(folder: string): () => void {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new FieldlineError(
      'settings/unreadable',
      `--data: ${(error as Error).message}: give a folder that you may write`,
      {
        cause: error,
      },
    );
  }
  const file = join(folder, 'running');
  const holder = readHolder(file);
  if (holder !== null && isAlive(holder)) {
    throw new FieldlineError(
      'settings/invalid',
      `another run (process ${holder}) uses ${folder}: stop it, or give this one --data FOLDER and --port NUMBER; ` +
        `if process ${holder} is something else, a killed run left ${file}: delete that file`,
    );
  }
  writeFileSync(file, `${process.pid}\n`);
  return () => rmSync(file, { force: true });
}

function readHolder(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 0 && pid !== process.pid ? pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
