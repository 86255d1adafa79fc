import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Requirement, temporaryFolder } from '@fieldline/shared/testing';
import { onTestFinished } from 'vitest';

const run = (program: string, ...parameters: string[]): void => {
  execFileSync(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
};

/** A file system of its own in memory: small enough to be filled, and ours to make read-only. */
function mount(sizeBytes: number): string {
  const folder = join(temporaryFolder(), 'disk');
  mkdirSync(folder);
  run('mount', '-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'fieldline-test', folder);
  return folder;
}

export function smallDisk(sizeBytes = 4 * 1024 ** 2) {
  const folder = mount(sizeBytes);
  onTestFinished(() => run('umount', '--lazy', folder));
  const ballast = join(folder, 'ballast');
  return {
    folder,
    /** To the last byte. */
    fill: () => {
      const file = openSync(ballast, 'a');
      for (let bytes = 65_536; bytes >= 1; ) {
        try {
          writeSync(file, Buffer.alloc(bytes));
        } catch {
          bytes = Math.floor(bytes / 2);
        }
      }
      closeSync(file);
    },
    makeRoom: () => rmSync(ballast),
    makeReadOnly: () => run('mount', '-o', 'remount,ro', folder),
    makeWritable: () => run('mount', '-o', 'remount,rw', folder),
  };
}

const probe = (): string | null => {
  try {
    run('umount', mount(1_048_576));
    return null;
  } catch {
    return 'the right to mount a tmpfs: run the tests as root, in a container with CAP_SYS_ADMIN';
  }
};

export const mountedDisk: Requirement = { name: 'tmpfs', skipReason: probe() };
