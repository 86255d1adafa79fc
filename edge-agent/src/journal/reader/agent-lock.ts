import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Whether an agent has the folder; null where the system does not say. Only looked up, never tried: an agent that starts at
 * that moment would be refused. Linux lists the locks of its processes (proc_locks(5)); to a container it shows its own only.
 */
export function isAgentRunning(folder: string): boolean | null {
  try {
    const lock = statSync(join(folder, 'lock'), { throwIfNoEntry: false });
    const locks = readFileSync('/proc/locks', 'utf8');
    return lock !== undefined && locks.split('\n').some((line) => line.includes(` WRITE `) && isOf(line, lock.ino));
  } catch {
    return null;
  }
}

const isOf = (line: string, inode: number): boolean => new RegExp(`:${inode}\\s`).test(line);
