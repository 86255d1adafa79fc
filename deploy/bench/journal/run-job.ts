import { type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobKind, JobOf, Results } from './job.ts';

const program = fileURLToPath(new URL('journal-process.ts', import.meta.url));

/** Of `Job`, what `runJob` does not decide. */
export type Order<Kind extends JobKind> = Omit<JobOf<Kind>, 'folder'>;

/** In a process of its own, in a new folder in `folder`. `through`: a command that runs it, e.g. one that counts its system calls. */
export async function runJob<Kind extends JobKind>(
  order: Order<Kind>,
  folder: string,
  signal: AbortSignal,
  through: readonly string[] = [],
): Promise<Results[Kind]> {
  const own = mkdtempSync(join(folder, 'job-'));
  try {
    const [command = process.execPath, ...args] = [...through, process.execPath, program];
    const job = JSON.stringify({ ...order, folder: own });
    const options: SpawnOptions = { stdio: ['ignore', 'pipe', 'inherit'], signal };
    return JSON.parse(await outputOf(command, [...args, job], options));
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

export async function outputOf(command: string, args: readonly string[], options: SpawnOptions): Promise<string> {
  const child = spawn(command, args, options);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [text, code] = await Promise.all([child.stdout?.setEncoding('utf8').toArray() ?? Promise.resolve([]), ended]);
  if (code !== 0) throw new Error(`${command} ended with exit code ${code}`);
  return text.join('');
}
