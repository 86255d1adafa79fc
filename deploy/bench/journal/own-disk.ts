/**
 * A filesystem on which nobody else writes, so that the counters of its device tell what reaches a disk: the pages of files, and
 * what the filesystem writes in its own journal for them. ext4 in a file, through a loop device: needs root.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type OwnDisk = {
  readonly folder: string;
  /** As /sys/block calls it. */
  readonly device: string;
  readonly close: () => void;
};

const sizeBytes = 2 * 1024 ** 3;

/** null where it cannot be made. */
export function openOwnDisk(folder: string): OwnDisk | null {
  const [image, mounted] = [join(folder, 'disk.img'), join(folder, 'disk')];
  mkdirSync(mounted);
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  // Else it writes the tables of the empty filesystem while it is measured.
  const whole = ['-E', 'lazy_itable_init=0,lazy_journal_init=0'];
  if (run('mkfs.ext4', ['-q', '-F', ...whole, image]) === null) return null;
  if (run('mount', ['-o', 'loop', image, mounted]) === null) return null;
  const close = (): void => {
    run('umount', [mounted]);
  };
  const device = run('findmnt', ['--noheadings', '--output', 'SOURCE', mounted])?.trim();
  if (device?.startsWith('/dev/loop') === true) return { folder: mounted, device: device.slice('/dev/'.length), close };
  close();
  return null;
}

function run(command: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout : null;
}

const temporaryFilesystems = new Set([0x01021994, 0x858458f6]);

/** Memory that looks like a disk takes no time to force. */
export const isInMemory = (folder: string): boolean => temporaryFilesystems.has(statfsSync(folder).type);
