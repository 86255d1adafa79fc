/** A file system of its own in memory: small enough to be filled, and ours to make read-only. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Requirement } from './describe-with.ts';
import { reapMount } from './reaper.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type SmallDisk = {
  readonly folder: string;
  /** To the last byte. */
  readonly fill: () => void;
  readonly makeRoom: () => void;
  /** @throws while a file of it is open for writing */
  readonly makeReadOnly: () => void;
  readonly makeWritable: () => void;
  readonly close: () => void;
};

const run = (program: string, ...parameters: string[]): void => {
  execFileSync(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
};

function mount(sizeBytes: number): string {
  const folder = join(temporaryFolder(), 'disk');
  mkdirSync(folder);
  run('mount', '-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'fieldline-test', folder);
  return folder;
}

export function mountSmallDisk(sizeBytes: number): SmallDisk {
  const folder = mount(sizeBytes);
  reapMount(folder);
  const ballast = join(folder, 'ballast');
  return {
    folder,
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
    close: () => run('umount', '--lazy', folder),
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

let probed: string | null | undefined;

export const mountedDisk: Requirement = {
  name: 'tmpfs',
  get skipReason() {
    if (probed === undefined) probed = probe();
    return probed;
  },
};
